"""Deciding about invitations, and looking whether they were made."""

from __future__ import annotations

from typing import Any

import pytest

from bulkops.model import State, Verdict
from bulkops.operations.base import Fate


@pytest.mark.parametrize("expected", [0, 500], ids=["searched", "walked"])
@pytest.mark.parametrize(
    ("email", "fate", "code"),
    [
        ("new.person@acme.test", Fate.READY, ""),
        ("pending.1@acme.test", Fate.SKIP, "already_invited"),
        ("PENDING.1@Acme.Test", Fate.SKIP, "already_invited"),
        ("pending.twice@acme.test", Fate.SKIP, "already_invited"),
        ("pending.7@acme.test", Fate.READY, ""),  # expired: it can no longer be accepted
        ("DORA.disabled@acme.test", Fate.SKIP, "already_member"),
        ("team.inbox@acme.test", Fate.SKIP, "already_member"),
        ("gone.already@acme.test", Fate.SKIP, "already_invited"),  # deleted before, and invited anew
        ("pending.1@acme.tes", Fate.READY, ""),  # a part of an address is another one
    ],
)
async def test_an_address_is_invited_unless_it_is_already_so(
    desk_for: Any, email: str, fate: Fate, code: str, expected: int
) -> None:
    """Compared without case, and the same whether the organisation was searched or read whole."""
    desk = await desk_for("invite", expected=expected)
    (decision,) = await desk.decide({"email": email})
    assert (decision.fate, decision.code) == (fate, code)


async def test_names_of_role_groups_and_teams_become_ids(desk_for: Any) -> None:
    """By name without case or by id; one that is named twice is sent once."""
    desk = await desk_for("invite")
    (by_name,) = await desk.decide({"email": "a@acme.test", "role_groups": ["DEVELOPERS"], "teams": ["security"]})
    grants = by_name.item.payload.grants
    group, team = grants["role_group"][0], grants["team"][0]
    assert (group.name, team.name) == ("Developers", "Security")
    row = {"email": "b@acme.test", "role_groups": [group.id, "Developers", "Ops, night shift"], "teams": [team.id]}
    (by_id,) = await desk.decide(row)
    assert [one.name for one in by_id.item.payload.grants["role_group"]] == ["Developers", "Ops, night shift"]
    assert by_id.item.payload.grants["team"] == (team,)


@pytest.mark.parametrize(
    ("row", "code", "column", "near"),
    [
        ({"role_groups": ["Developers", "Develoopers"]}, "unknown_role_group", "role_groups", "Developers"),
        ({"role_groups": ["editeurs"]}, "unknown_role_group", "role_groups", "Éditeurs"),
        ({"teams": ["Plattform"]}, "unknown_team", "teams", "Platform"),
        ({"role_groups": ["qqqqqqqq"]}, "unknown_role_group", "role_groups", None),
    ],
)
async def test_a_name_that_means_nothing_is_answered_with_near_ones(
    desk_for: Any, row: dict[str, Any], code: str, column: str, near: str | None
) -> None:
    """As they are written, to be copied."""
    desk = await desk_for("invite")
    (decision,) = await desk.decide({"email": "a@acme.test", **row})
    assert (decision.fate, decision.code, decision.column) == (Fate.INVALID, code, column)
    assert (near in decision.candidates) if near else decision.candidates == ()


async def test_a_listing_of_names_is_read_once_for_all_rows(desk_for: Any) -> None:
    """A thousand rows with the same groups cost no more than one."""
    desk = await desk_for("invite")
    for chunk in range(3):
        row = {"role_groups": ["Developers"], "teams": ["Security"]}
        await desk.decide(*({"email": f"p{chunk}-{n}@acme.test", **row} for n in range(50)))
    assert (desk.reads("/rolegroups"), desk.reads("/teams")) == (1, 1)


@pytest.mark.parametrize(
    ("rows", "expected", "invites", "members"),
    [
        (1, 1, 1, 1),  # one search each
        (2, 2, 2, 2),
        (3, 3, 4, 4),  # the first page says that a walk takes five: three searches are cheaper
        (3, 900, 5, 5),  # more rows are to come: one walk for all of them
    ],
)
async def test_the_cheaper_way_of_reading_is_taken(
    desk_for: Any, rows: int, expected: int, invites: int, members: int
) -> None:
    """2,450 people on five pages, and 2,500 invitations or fewer."""
    desk = await desk_for("invite", people=2450, expected=expected)
    total = desk.sandbox.summary()
    pages = -(-(total["invites_pending"] + total["invites_expired"]) // 500)
    decisions = await desk.decide(*({"email": f"p{n}@new.test"} for n in range(rows)))
    assert {decision.fate for decision in decisions} == {Fate.READY}
    assert desk.reads("/members") == members
    assert desk.reads("/invites") == (pages if rows > 2 else invites)


@pytest.mark.parametrize("answer", ["empty", "items"])
async def test_what_the_answer_does_not_tell_is_found_by_looking(desk_for: Any, answer: str) -> None:
    """Outcomes are joined by address; a row that was not sent is not there."""
    desk = await desk_for("invite")
    desk.sandbox.change(quirks={"invite_answer": answer})
    decisions = await desk.decide({"email": "One@acme.test"}, {"email": "two@acme.test"}, {"email": "never@acme.test"})
    outcomes = await desk.apply(decisions[:2])
    told = {row: outcome.state for row, outcome in outcomes.items()}
    assert told == ({1: State.SUCCEEDED, 2: State.SUCCEEDED} if answer == "items" else {})
    verdicts = await desk.check([decision.item for decision in decisions])
    assert verdicts == {1: Verdict.APPLIED, 2: Verdict.APPLIED, 3: Verdict.NOT_APPLIED}


async def test_a_lost_answer_is_settled_by_looking(desk_for: Any) -> None:
    """Also for rows as a crash leaves them: nothing but what the file says."""
    desk = await desk_for("invite")
    rows = [{"email": f"p{n}@acme.test"} for n in range(10)]
    decisions = await desk.decide(*rows)
    desk.sandbox.faults.add("partial", method="POST", path="*/invites", share=0.4)
    await desk.apply(decisions)
    verdicts = await desk.check(desk.items(rows))
    sent = {row for row in range(1, 11) if desk.sandbox.effects.count("invite_sent", rows[row - 1]["email"])}
    assert len(sent) == 4
    assert {row for row, verdict in verdicts.items() if verdict is Verdict.APPLIED} == sent


async def test_an_invitation_that_was_accepted_meanwhile_was_made(desk_for: Any) -> None:
    """It is no longer listed, and the account shows that it was."""
    desk = await desk_for("invite")
    decisions = await desk.decide({"email": "quick@acme.test"})
    await desk.apply(decisions)
    desk.sandbox.accept_invite(email="quick@acme.test")
    assert await desk.check([decisions[0].item]) == {1: Verdict.APPLIED}


async def test_an_expired_invitation_shows_nothing(desk_for: Any) -> None:
    """It was there before; a new one would be outstanding."""
    desk = await desk_for("invite")
    assert await desk.check(desk.items([{"email": "pending.7@acme.test"}])) == {1: Verdict.NOT_APPLIED}
