"""Guards, counts of a plan, and the choice between searching and walking."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from bulkops.model import Item, State
from bulkops.operations.base import Decision
from bulkops.paging import OffsetWalk, Page, PageWalk, Position
from bulkops.planning import Plan, ProtectedNames, outcome_of, with_candidates
from bulkops.planning.plan import LISTED
from bulkops.planning.roster import NEAR_ASKED, Index
from bulkops.providers.base import Named

ITEM: Item[Any] = Item(4, "ada@acme.test", None)


@pytest.mark.parametrize(
    ("names", "pattern"),
    [
        (("owner@acme.test",), "Owner@acme.test"),
        (("OWNER@ACME.TEST",), "Owner@acme.test"),
        (("ada", "bot@svc.acme.test"), "*@svc.acme.test"),
        (("BOT@SVC.ACME.TEST", ""), "*@svc.acme.test"),
        (("owner@acme.test.evil",), None),
        (("ada@acme.test", "ada"), None),
        (("",), None),
        ((), None),
    ],
)
def test_protected_patterns_are_compared_without_case(names: tuple[str, ...], pattern: str | None) -> None:
    """A star stands for anything; every name of an account counts."""
    assert ProtectedNames(("Owner@acme.test", "*@svc.acme.test")).protects(*names) == pattern


def test_a_plan_counts_everything_and_keeps_the_first_to_show() -> None:
    """A million bad rows do not fill the memory."""
    plan = Plan("invite")
    plan.count(Decision.ready(ITEM))
    plan.count(Decision.skip(ITEM, "already_member", "x"))
    plan.count(Decision.skip(ITEM, "already_invited", "x"))
    plan.count(Decision.skip(ITEM, "already_invited", "x"))
    for _ in range(LISTED + 1):
        plan.count(Decision.invalid(ITEM, "unknown_user", "x", column="user"))
        plan.count(Decision.protected(ITEM, "x"))
    told = plan.as_dict()
    assert (told["ready"], told["invalid"], told["protected"]) == (1, LISTED + 1, LISTED + 1)
    assert told["skipped"] == {"already_member": 1, "already_invited": 2}
    assert (len(plan.invalid_listed), len(plan.protected_listed)) == (LISTED, LISTED)


@pytest.mark.parametrize(
    ("decision", "state", "code", "message"),
    [
        (Decision.skip(ITEM, "already_member", "has an account"), State.SKIPPED, "already_member", "has an account"),
        (Decision.protected(ITEM, "owns it"), State.FAILED, "protected", "owns it"),
        (
            Decision.invalid(ITEM, "unknown_user", "nobody", column="user", candidates=["a", "b"]),
            State.FAILED,
            "unknown_user",
            "nobody; candidates: a, b",
        ),
    ],
)
def test_a_row_that_is_not_sent_ends_with_its_reason(decision: Decision, state: State, code: str, message: str) -> None:
    """The candidates are part of it."""
    settled = outcome_of(decision)
    assert settled is not None
    assert list(settled.rows) == [4]
    assert (settled.outcome.state, settled.outcome.code, settled.outcome.message) == (state, code, message)


def test_a_row_that_is_sent_has_no_end_yet() -> None:
    """It gets one from the provider."""
    assert outcome_of(Decision.ready(ITEM)) is None
    assert with_candidates(Decision.ready(ITEM)) == ""


@dataclass
class Groups:
    """A listing of named things in pages of `max_limit`, with a search of its own."""

    things: Sequence[Named]
    max_limit: int = 10
    resource: str = "groups"
    pages: list[int] = field(default_factory=list)
    searched: list[str] = field(default_factory=list)

    def paging(self) -> PageWalk:
        """By offset, under a total."""
        return OffsetWalk(self.max_limit)

    async def page(self, at: Position, limit: int) -> Page[Named]:
        """A slice."""
        offset = int(at)
        self.pages.append(offset)
        return Page(offset, self.things[offset : offset + limit], len(self.things))

    def identity(self, row: Named) -> Hashable:
        """Its id."""
        return row.id

    async def search(self, text: str) -> Sequence[Named]:
        """Exact, as a vendor's search that folds nothing."""
        self.searched.append(text)
        return [thing for thing in self.things if text in (thing.id, thing.name)]

    def index(self, *, expected: int = 0, searchable: bool = True) -> Index[Named]:
        """An index over it."""
        return Index(
            self,
            names=lambda thing: (thing.id, thing.name),
            search=self.search if searchable else None,
            expected=expected,
        )


TEN_PAGES = [Named(f"id-{n}", f"Group {n}") for n in range(91)]


@pytest.mark.parametrize(
    ("keys", "expected", "pages", "searches"),
    [
        (1, 0, 0, 1),  # one or two keys are searched without counting pages first
        (2, 0, 0, 2),
        (9, 0, 1, 9),  # ten pages would be dearer
        (10, 0, 10, 0),
        (1, 50, 10, 0),  # more keys are to come
        (1, 5, 1, 1),
    ],
)
async def test_what_costs_fewer_calls_is_done(keys: int, expected: int, pages: int, searches: int) -> None:
    """Searches for a few names, one walk for many."""
    groups = Groups(TEN_PAGES)
    index = groups.index(expected=expected)
    wanted = [f"Group {n}" for n in range(keys)]
    found = await index.find(wanted)
    assert {name: things[0].name for name, things in found.items()} == {name: name for name in wanted}
    assert (len(groups.pages), len(groups.searched)) == (pages, searches)
    again = await index.find(wanted)
    assert again == found
    assert (len(groups.pages), len(groups.searched)) == (pages, searches)


async def test_after_a_walk_an_absent_name_costs_nothing() -> None:
    """Whoever was not in it is not there."""
    groups = Groups(TEN_PAGES)
    index = groups.index(searchable=False)
    assert await index.find(["nobody"]) == {"nobody": ()}
    before = len(groups.pages)
    assert await index.find(["nobody else"]) == {"nobody else": ()}
    assert len(groups.pages) == before


@pytest.mark.parametrize("name", ["Straße@acme.test", "ΟΔΥΣΣΕΥΣ", "İpek"])
@pytest.mark.parametrize("expected", [0, 100])
async def test_a_name_is_searched_as_it_was_written(name: str, expected: int) -> None:
    """Folding changes letters that a vendor's search compares; walked or searched, the answer is the same."""
    groups = Groups([Named("1", name)])
    found = await groups.index(expected=expected).find([name])
    assert found == {name: [Named("1", name)]}
    assert groups.searched == ([] if expected else [name])


async def test_names_are_compared_without_case_and_answered_as_asked() -> None:
    """Two ways of writing one name find the same thing."""
    found = await Groups(TEN_PAGES).index(searchable=False).find(["GROUP 7", "group 7", "ID-7"])
    assert [things[0].id for things in found.values()] == ["id-7"] * 3
    assert list(found) == ["GROUP 7", "group 7", "ID-7"]


async def test_a_thing_whose_id_is_its_name_is_one_thing() -> None:
    """Also where they differ in case: it is not ambiguous with itself."""
    found = await Groups([Named("dev", "Dev")]).index(searchable=False).find(["DEV"])
    assert found == {"DEV": [Named("dev", "Dev")]}


async def test_near_names_are_told_as_they_are_written() -> None:
    """To be copied into the file; a listing that was only searched is walked for them, once."""
    groups = Groups([Named("1", "API Creators"), Named("2", "Éditeurs")])
    index = groups.index()
    await index.find(["api creator"])
    assert await index.near("api creator") == ["API Creators"]
    assert not await index.near("zzzzzz")
    assert (groups.pages, groups.searched) == ([0], ["api creator"])


async def test_near_names_are_looked_for_a_limited_number_of_times() -> None:
    """A file of ten thousand wrong names must not keep the machine busy; the same name costs once."""
    index = Groups(TEN_PAGES).index(searchable=False)
    answers = [await index.near(f"Group {n}x") for n in range(NEAR_ASKED + 10)]
    assert all(answers[:NEAR_ASKED])
    assert not any(answers[NEAR_ASKED:])
    assert await index.near("GROUP 1X") == answers[1]
