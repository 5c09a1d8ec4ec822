"""Deletes through the whole engine: never the wrong person, and every row true."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bulkops.errors import JobFileError, RefusedError
from bulkops.providers.base import Person
from bulkops.testing.desk import Desk, open_desk


async def members(desk: Desk, count: int) -> list[Person]:
    """So many ordinary members whose address is theirs alone."""
    found = await desk.members()
    alone = {person.email.casefold(): person for person in found}
    counted = [person.email.casefold() for person in found]
    plain = [person for key, person in alone.items() if counted.count(key) == 1 and person.username not in SPECIAL]
    return plain[:count]


SPECIAL = {"owner", "admin", "inbox.one", "inbox.two", "fiona.federated", "dora.disabled"}


async def test_people_are_deleted_by_address_username_and_id(desk: Desk) -> None:
    """Whatever an administrator has at hand names the person."""
    people = await members(desk, 3)
    rows = [people[0].email.upper(), people[1].username, people[2].id]
    result = await desk.run("delete-user", rows, column="user")
    assert result.counts.succeeded == 3
    assert desk.deletions() == 3
    left = {person.id for person in await desk.members()}
    assert not left & {person.id for person in people}


async def test_the_second_run_finds_everybody_gone(desk: Desk) -> None:
    """Already gone is skipped, and costs no write."""
    rows = [person.email for person in await members(desk, 5)]
    await desk.run("delete-user", rows, column="user")
    writes = len([*desk.sandbox.requests.matching("DELETE", "/users")])
    again = await desk.run("delete-user", rows, column="user", run_id="r2")
    assert again.counts.skipped == 5
    assert {row["_error"] for row in desk.results("r2")} == {"already_gone"}
    assert len([*desk.sandbox.requests.matching("DELETE", "/users")]) == writes


@pytest.mark.parametrize(
    ("name", "why"),
    [("admin", "works with"), ("owner", "owns"), ("inbox.one", "protected by")],
)
async def test_the_caller_the_owner_and_the_protected_are_refused(tmp_path: Path, name: str, why: str) -> None:
    """One of them in the file refuses the whole job: nothing is sent."""
    async with open_desk(tmp_path, {"protected": ["INBOX.*"]}) as desk:
        people = await members(desk, 3)
        with pytest.raises(RefusedError, match=why):
            await desk.run("delete-user", [name, *(person.email for person in people)], column="user")
        assert desk.deletions() == 0
        assert not (desk.runs_dir / "r1").exists()


async def test_with_skip_invalid_the_protected_are_failed_and_never_touched(tmp_path: Path) -> None:
    """Passing over bad rows does not weaken the guard."""
    async with open_desk(tmp_path, {"protected": ["inbox.*"]}) as desk:
        people = await members(desk, 2)
        rows = ["inbox.two", people[0].email, "admin", people[1].email]
        result = await desk.run("delete-user", rows, column="user", skip_invalid=True)
        assert [row["_outcome"] for row in desk.results()] == ["failed", "succeeded", "failed", "succeeded"]
        assert result.counts.failed == 2
        assert desk.deletions() == 2


async def test_an_address_with_two_accounts_is_never_guessed(desk: Desk) -> None:
    """The row is invalid, and both accounts are named."""
    address = next(person.email for person in await desk.members() if person.username == "inbox.one")
    with pytest.raises(JobFileError) as caught:
        await desk.run("delete-user", [address], column="user")
    told = str(caught.value.problems[0])
    assert "inbox.one" in told
    assert "inbox.two" in told
    assert desk.deletions() == 0


async def test_somebody_unknown_is_an_invalid_row_with_near_names(desk: Desk) -> None:
    """A typing mistake in a list of leavers is told, not passed over."""
    person = (await members(desk, 1))[0]
    with pytest.raises(JobFileError) as caught:
        await desk.run("delete-user", [person.username[:-1] + "x"], column="user")
    assert person.username in str(caught.value.problems[0])


async def test_one_person_named_twice_is_deleted_once(desk: Desk) -> None:
    """By address and by id: the second row is a duplicate."""
    person = (await members(desk, 1))[0]
    result = await desk.run("delete-user", [person.email, person.id], column="user")
    assert (result.counts.succeeded, result.counts.skipped) == (1, 1)
    assert desk.results()[1]["_error"] == "duplicate_row"


FAULTS: dict[str, dict[str, Any]] = {
    "the answer is lost after applying": {"kind": "lose_after"},
    "the connection drops before applying": {"kind": "lose_before"},
    "a 500 after applying": {"kind": "status_after", "status": 500},
    "a 504 and nothing applied": {"kind": "status", "status": 504, "body": "timeout"},
    "a part silently passed over": {"kind": "partial", "share": 0.4},
    "a refusal of the batch": {"kind": "status", "status": 400, "body": {"status": 400, "message": "bad id"}},
    "a throttling": {"kind": "status", "status": 503, "body": "", "headers": {"Retry-After": "0"}},
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
async def test_every_row_is_true_after_a_fault(desk: Desk, fault: dict[str, Any]) -> None:
    """Batches that are lost, refused or applied in part end with each person gone and each row saying so."""
    desk.sandbox.faults.add(**fault, method="DELETE", path="*/users", times=2)
    rows = [person.email for person in await members(desk, 40)]
    result = await desk.run("delete-user", rows, column="user", batch_size=10)
    assert result.counts.succeeded == 40
    assert desk.deletions() == 40


async def test_the_library_does_not_repeat_a_delete_by_itself(desk: Desk) -> None:
    """A dropped connection is one request on the wire for each attempt that the report counts."""
    desk.sandbox.faults.add(kind="lose_before", method="DELETE", path="*/users", times=1)
    rows = [person.email for person in await members(desk, 3)]
    await desk.run("delete-user", rows, column="user")
    assert len([*desk.sandbox.requests.matching("DELETE", "/users")]) == 2
    assert {row["_attempts"] for row in desk.results()} == {"2"}
