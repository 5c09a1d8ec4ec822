"""Deciding whom a delete means, whom it may not touch, and looking whether they are gone."""

from __future__ import annotations

from typing import Any

import pytest

from bulkops.model import Verdict
from bulkops.operations.base import Fate
from bulkops.planning import outcome_of


@pytest.mark.parametrize("expected", [0, 500], ids=["searched", "walked"])
@pytest.mark.parametrize(
    ("user", "fate", "code"),
    [
        ("dora.disabled", Fate.READY, ""),
        ("Dora.Disabled@ACME.test", Fate.READY, ""),
        ("inbox.one", Fate.READY, ""),  # a username is one person's, though the address is not
        ("team.inbox@acme.test", Fate.INVALID, "ambiguous_user"),
        ("gone.already", Fate.SKIP, "already_gone"),
        ("GONE.already@acme.test", Fate.SKIP, "already_gone"),
        ("nobody@acme.test", Fate.INVALID, "unknown_user"),
        ("00000000-0000-4000-8000-000000000000", Fate.INVALID, "unknown_user"),
        ("inbox", Fate.INVALID, "unknown_user"),  # a part of a name is nobody's
        ("admin", Fate.PROTECTED, "protected"),
        ("Owner@acme.test", Fate.PROTECTED, "protected"),
    ],
)
async def test_a_delete_is_decided_by_who_is_meant(
    desk_for: Any, user: str, fate: Fate, code: str, expected: int
) -> None:
    """By address, username or id; the same whether the organisation was searched or read whole."""
    desk = await desk_for("delete-user", expected=expected)
    (decision,) = await desk.decide({"user": user})
    assert (decision.fate, decision.code) == (fate, code)


async def test_an_id_means_one_person_in_any_case(desk_for: Any) -> None:
    """Ids are found through the person's own path."""
    desk = await desk_for("delete-user")
    dora = await desk.person("dora.disabled")
    for user in (dora.id, dora.id.upper()):
        (decision,) = await desk.decide({"user": user})
        assert decision.item.payload.person == dora


async def test_an_ambiguous_address_names_the_candidates(desk_for: Any) -> None:
    """With what tells them apart."""
    desk = await desk_for("delete-user")
    (decision,) = await desk.decide({"user": "team.inbox@acme.test"})
    one, two = await desk.person("inbox.one"), await desk.person("inbox.two")
    assert set(decision.candidates) == {str(one), str(two)}
    assert one.id in str(one)
    settled = outcome_of(decision)
    assert settled is not None
    assert "inbox.two" in settled.outcome.message


async def test_an_unknown_user_is_answered_with_near_names(desk_for: Any) -> None:
    """A typing error is shown what it may have meant."""
    desk = await desk_for("delete-user")
    (decision,) = await desk.decide({"user": "dora.disabeld"})
    assert "dora.disabled" in decision.candidates


@pytest.mark.parametrize(
    ("user", "words"),
    [
        ("admin@acme.test", "is the account that bulkops works with"),
        ("owner", "owns the organisation"),
        ("dora.disabled", "is protected by 'DORA*'"),
        ("fiona.federated", "is protected by '*.federated@acme.test'"),
    ],
)
async def test_the_caller_the_owner_and_the_protected_are_refused(desk_for: Any, user: str, words: str) -> None:
    """By whatever name the row calls them; a pattern covers all names of an account."""
    desk = await desk_for("delete-user", protected=("DORA*", "*.federated@acme.test"))
    account = await desk.person(user.partition("@")[0])
    for name in (user, account.id, account.email):
        (decision,) = await desk.decide({"user": name})
        assert decision.fate is Fate.PROTECTED
        assert words in decision.message


async def test_two_names_of_one_person_are_one_effect(desk_for: Any) -> None:
    """The second row is a duplicate of the first, in this chunk or in a later one."""
    desk = await desk_for("delete-user")
    dora = await desk.person("dora.disabled")
    items = desk.items([{"user": dora.email}, {"user": dora.id}, {"user": "inbox.one"}, {"user": "dora.disabled"}])
    decisions = [*await desk.planner.decide(items[:3]), *await desk.planner.decide(items[3:])]
    assert [decision.code for decision in decisions] == ["", "duplicate_row", "", "duplicate_row"]
    assert [decision.message for decision in decisions[1::2]] == ["row 1 means the same"] * 2
    again = await desk.planner.decide(items[:1])
    assert again[0].fate is Fate.READY


async def test_a_bare_204_is_settled_by_looking(desk_for: Any) -> None:
    """The answer names nobody; who is still there was not deleted."""
    desk = await desk_for("delete-user")
    rows = [{"user": "dora.disabled"}, {"user": "inbox.one"}]
    decisions = await desk.decide(*rows)
    desk.sandbox.faults.add("partial", method="DELETE", path="*/users", share=0.5)
    assert await desk.apply(decisions) == {}
    gone = {row for row, one in enumerate(rows, 1) if desk.sandbox.effects.count("user_deleted", one["user"])}
    assert len(gone) == 1
    for items in ([decision.item for decision in decisions], desk.items(rows)):
        verdicts = await desk.check(items)
        assert {row for row, verdict in verdicts.items() if verdict is Verdict.APPLIED} == gone


@pytest.mark.parametrize(("rows", "expected", "reads"), [(2, 2, 2), (3, 3, 4), (5, 5, 5), (3, 900, 5)])
async def test_few_names_are_searched_and_many_are_looked_up_in_one_walk(
    desk_for: Any, rows: int, expected: int, reads: int
) -> None:
    """2,450 people on five pages: the first page decides, and belongs to the walk."""
    desk = await desk_for("delete-user", people=2450, expected=expected)
    known = ("dora.disabled", "fiona.federated", "inbox.one", "inbox.two", "owner")
    decisions = await desk.decide(*({"user": user} for user in known[:rows]))
    assert all(decision.fate in {Fate.READY, Fate.PROTECTED} for decision in decisions)
    assert desk.reads("/members") == reads
