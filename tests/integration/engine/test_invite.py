"""Invites through the whole engine, with everything going wrong; the sandbox's count is believed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from bulkops.engine import Allowance
from bulkops.errors import AccessError, InterruptedRunError, JobFileError, StoppedError
from bulkops.testing.desk import Desk, addresses, open_desk

FAULTS_OF_ONE_CALL: dict[str, dict[str, Any]] = {
    "the answer is lost after applying": {"kind": "lose_after"},
    "the connection drops before applying": {"kind": "lose_before"},
    "the connection is refused": {"kind": "refuse"},
    "a 500 after applying": {"kind": "status_after", "status": 500},
    "a 502 with a page and nothing applied": {"kind": "status", "status": 502, "body": "<html>bad gateway</html>"},
    "a 503 with words after applying": {"kind": "status_after", "status": 503, "body": "upstream connect error"},
    "a success with broken JSON": {"kind": "break_body"},
    "a proxy's page with nothing applied": {"kind": "html"},
    "a proxy's page after applying": {"kind": "html", "applied": True},
    "a redirect to another host": {"kind": "redirect"},
    "a refusal for all that names no cause": {"kind": "status", "status": 400, "body": '{"status":400,"message":"no"}'},
    "a part of the batch silently passed over": {"kind": "partial", "share": 0.6},
    "one throttling by an empty 503": {"kind": "status", "status": 503, "body": "", "headers": {"Retry-After": "0"}},
    "one throttling by 429": {"kind": "status", "status": 429, "headers": {"Retry-After": "0"}},
}


@pytest.mark.parametrize("fault", FAULTS_OF_ONE_CALL.values(), ids=FAULTS_OF_ONE_CALL.keys())
@pytest.mark.parametrize("batch_size", [1, 10])
async def test_each_address_gets_exactly_one_mail(desk: Desk, fault: dict[str, Any], batch_size: int) -> None:
    """Whatever happens to two calls in the middle, every row succeeds and every address is invited once."""
    desk.sandbox.faults.add(**fault, method="POST", path="*/invites", after=1, times=2)
    result = await desk.run("invite", addresses(40), batch_size=batch_size)
    if "named" not in str(fault) and not (fault["kind"] == "partial" and batch_size == 1):
        assert result.counts.as_dict() == {
            "total": 40, "succeeded": 40, "skipped": 0, "failed": 0, "in_doubt": 0, "pending": 0,
        } or (fault.get("status") == 400 and batch_size == 1)  # fmt: skip
    invited = desk.invites()
    succeeded = {row["email"] for row in desk.results() if row["_outcome"] == "succeeded"}
    assert succeeded <= set(invited)
    assert set(invited.values()) == {1}
    assert result.counts.succeeded == len(invited)


@pytest.mark.parametrize("answer", ["empty", "items"])
async def test_both_known_answers_to_an_invite_are_understood(tmp_path: Path, answer: str) -> None:
    """The vendor answers with an empty array or with the invitations, in any order."""
    async with open_desk(tmp_path, quirks={"invite_answer": answer}) as desk:
        result = await desk.run("invite", addresses(120))
        assert result.counts.succeeded == 120
        assert set(desk.invites().values()) == {1}
        assert result.error is None


async def test_a_refused_row_is_found_and_the_others_are_invited(desk: Desk) -> None:
    """A batch that is refused for one row is taken apart until that row alone fails, with the vendor's words."""
    desk.sandbox.faults.add(kind="reject_items", method="POST", path="*/invites", items="new.17@hire.test")
    result = await desk.run("invite", addresses(50))
    assert (result.counts.succeeded, result.counts.failed) == (49, 1)
    failed = [row for row in desk.results() if row["_outcome"] == "failed"]
    assert [row["email"] for row in failed] == ["new.17@hire.test"]
    assert failed[0]["_http_status"] == "400"
    assert failed[0]["_request_id"]
    assert set(desk.invites().values()) == {1}


async def test_one_bad_row_in_a_hundred_costs_at_most_fifteen_calls(desk: Desk) -> None:
    """Halving finds the bad row; the good rows of its half are not sent one by one."""
    desk.sandbox.faults.add(kind="reject_items", method="POST", path="*/invites", items="new.63@hire.test")
    result = await desk.run("invite", addresses(100), batch_size=100)
    assert (result.counts.succeeded, result.counts.failed) == (99, 1)
    assert len([*desk.sandbox.requests.matching("POST", "/invites")]) <= 15


async def test_rows_that_are_so_already_cost_no_write(desk: Desk) -> None:
    """Pending, member in another spelling, repeated in the file: skipped, each with its reason."""
    rows = ["PENDING.1@acme.test", "New.One@hire.test", "new.one@HIRE.test", "inbox.one@acme.test"]
    people = [one async for one in _members(desk)]
    rows.append(people[0].upper())
    result = await desk.run("invite", rows)
    by_row = {int(row["_row"]): row["_error"] for row in desk.results()}
    assert by_row[1] == "already_invited"
    assert by_row[3] == "duplicate_row"
    assert by_row[5] == "already_member"
    assert result.counts.skipped >= 3
    assert desk.invites().get("new.one@hire.test") == 1


async def _members(desk: Desk) -> Any:
    """Addresses of members, read over HTTP."""
    import aiohttp  # noqa: PLC0415

    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {desk.sandbox.token}"}) as http,
        http.get(f"{desk.sandbox.url}/accounts/api/organizations/{desk.sandbox.organization}/members") as answer,
    ):
        for row in (await answer.json())["data"]:
            yield row["email"]


async def test_a_lost_answer_is_looked_up_not_repeated(desk: Desk) -> None:
    """Applied and never answered: the row's report says that it was found done."""
    desk.sandbox.faults.add(kind="lose_after", method="POST", path="*/invites", times=1)
    result = await desk.run("invite", addresses(5), batch_size=5)
    assert result.counts.succeeded == 5
    assert len([*desk.sandbox.requests.matching("POST", "/invites")]) == 1
    assert "found done" in desk.results()[0]["_message"]


async def test_an_effect_that_comes_late_is_waited_for(tmp_path: Path) -> None:
    """The answer is lost and the effect appears a moment later: the second look finds it, nothing is sent again."""
    async with open_desk(tmp_path, {"settling_s": 1.5, "timeout_s": 0.3}) as desk:
        desk.sandbox.faults.add(kind="delay_before", method="POST", path="*/invites", seconds=0.8, times=1)
        result = await desk.run("invite", addresses(5), batch_size=5)
        assert result.counts.succeeded == 5
        assert set(desk.invites().values()) == {1}
        assert len(desk.invites()) == 5


async def test_a_provider_that_says_yes_and_does_nothing_is_found_out(desk: Desk) -> None:
    """An accepted single call without effect is a failure, not a success."""
    desk.sandbox.faults.add(
        kind="status", method="POST", path="*/invites", status=200, body=[], body_contains="new.3@hire.test"
    )
    result = await desk.run("invite", addresses(10), batch_size=10)
    assert (result.counts.succeeded, result.counts.failed) == (9, 1)
    failed = next(row for row in desk.results() if row["_outcome"] == "failed")
    assert (failed["email"], failed["_error"]) == ("new.3@hire.test", "not_applied")


async def test_missing_rights_stop_the_run_and_fail_nobody(tmp_path: Path) -> None:
    """A token that may read and not write: exit by AccessError, every row pending."""
    async with open_desk(tmp_path, quirks={"forbid": ["invites:write"]}) as desk:
        result = await desk.run("invite", addresses(30))
        assert isinstance(result.error, AccessError)
        assert result.counts.pending == 30
        assert desk.invites() == {}


async def test_missing_rights_told_by_401_stop_the_run_too(tmp_path: Path) -> None:
    """The vendor uses 401 for a missing right as well."""
    async with open_desk(tmp_path, quirks={"forbid": ["invites:write"], "forbid_status": 401}) as desk:
        result = await desk.run("invite", addresses(30))
        assert isinstance(result.error, AccessError)
        assert result.counts.pending == 30


async def test_a_resume_after_rights_were_given_finishes(desk: Desk) -> None:
    """What stopped for lack of rights is resumable once they are there."""
    desk.sandbox.change(quirks={"forbid": ["invites:write"]})
    await desk.run("invite", addresses(30))
    desk.sandbox.change(quirks={"forbid": []})
    result = await desk.resume()
    assert result.error is None
    assert result.counts.succeeded == 30
    assert set(desk.invites().values()) == {1}


async def test_a_host_that_always_fails_is_given_up(tmp_path: Path) -> None:
    """After some calls that all failed no more are sent; the run stops, resumable, with nothing sent twice."""
    async with open_desk(tmp_path, {"give_up_s": 0.1}) as desk:
        desk.sandbox.faults.add(kind="status", method="POST", path="*/invites", status=500, body="boom")
        result = await desk.run("invite", addresses(200), batch_size=2)
        assert isinstance(result.error, StoppedError)
        assert "POST invites" in str(result.error)
        assert "boom" in str(result.error)
        assert result.counts.total == 200
        assert result.counts.succeeded == 0
        assert len(desk.sandbox.requests.matching("POST", "/invites")) < 50
        desk.sandbox.faults.clear()
        again = await desk.resume()
        assert again.counts.succeeded + again.counts.failed == 200
        assert set(desk.invites().values()) <= {1}


@pytest.mark.parametrize(
    "quirks",
    [
        {},
        {"throttle": "429", "reset_unit": "milliseconds_left"},
        {"throttle": "429", "quota_headers": "draft"},
        {"quota_headers": "none"},
    ],
    ids=["the vendor's headers", "milliseconds left", "the IETF draft's", "no headers"],
)
async def test_quota_windows_cost_no_row_and_no_attempt(tmp_path: Path, quirks: dict[str, str]) -> None:
    """A quota far below the job: every row is invited, each at its first attempt."""
    async with open_desk(tmp_path, quota=4, window=1.0, quirks=quirks) as desk:
        result = await desk.run("invite", addresses(60), batch_size=5)
        assert result.counts.succeeded == 60
        assert {row["_attempts"] for row in desk.results()} == {"1"}
        assert set(desk.invites().values()) == {1}


async def test_a_quota_that_shrinks_in_the_middle_is_followed(tmp_path: Path) -> None:
    """At most the calls that were on their way are refused, and every row is invited once."""
    async with open_desk(tmp_path, quota=10, window=1.0) as desk:
        async with anyio.create_task_group() as tasks:

            async def shrink() -> None:
                while len(desk.sandbox.requests.matching("POST", "/invites")) < 13:  # noqa: ASYNC110 - no event for it
                    await anyio.sleep(0.01)
                desk.sandbox.change(quota=5)

            tasks.start_soon(shrink)
            result = await desk.run("invite", addresses(30), batch_size=1)
        assert result.counts.succeeded == 30
        assert set(desk.invites().values()) == {1}
        assert result.summary.throttled <= 10


async def test_too_many_failures_stop_the_run(desk: Desk) -> None:
    """--max-failures 3 stops soon after the fourth failure; the rest is pending."""
    desk.sandbox.faults.add(kind="reject_items", method="POST", path="*/invites", items="*@hire.test")
    result = await desk.run("invite", addresses(200), batch_size=1, max_failures=Allowance(count=3))
    assert isinstance(result.error, StoppedError)
    assert result.counts.failed >= 4
    assert result.counts.pending >= 150


async def test_a_plan_with_an_unknown_role_group_sends_nothing(desk: Desk) -> None:
    """A name that matches nothing is an invalid row: refused before the first write, without a folder left behind."""
    path = Path(desk.job("email,role_groups", ["a@hire.test,Developrs", "b@hire.test,"]))
    with pytest.raises(JobFileError) as caught:
        await desk.run("invite", path.read_text(encoding="utf-8").splitlines()[1:], column="email,role_groups")
    assert "Developrs" in str(caught.value.problems[0])
    assert desk.invites() == {}
    assert not (desk.runs_dir / "r1").exists()


async def test_with_skip_invalid_the_good_rows_run(desk: Desk) -> None:
    """Bad rows are failed with their reason, the others are invited, and the counts add up."""
    rows = ["not-an-address,", "a@hire.test,Nobody Knows This", "b@hire.test,Developers"]
    result = await desk.run("invite", rows, column="email,role_groups", skip_invalid=True)
    assert result.counts.as_dict()["total"] == 3
    assert [row["_error"] for row in desk.results()] == ["invalid_row", "unknown_role_group", ""]
    assert set(desk.invites()) == {"b@hire.test"}


async def test_an_interrupted_run_keeps_what_was_done_and_resumes(desk: Desk) -> None:
    """A polite stop in the middle: nothing in flight is lost, and the resume does the rest once."""
    desk.sandbox.faults.add(kind="delay_after", method="POST", path="*/invites", seconds=0.05)
    original = desk.sandbox.effects.count

    class Watch:
        """Stops the run once a few mails are out."""

        def __call__(self) -> None:
            """Look at the count at each confirmation."""

    import anyio  # noqa: PLC0415

    async with anyio.create_task_group() as tasks:

        async def interrupt() -> None:
            while original("invite_sent") < 20:  # noqa: ASYNC110 - the sandbox has no event for it
                await anyio.sleep(0.005)
            assert desk.stop is not None
            desk.stop.request(InterruptedRunError("interrupted by a test", signum=2))

        tasks.start_soon(interrupt)
        result = await desk.run("invite", addresses(300), batch_size=5)
    assert isinstance(result.error, InterruptedRunError)
    assert result.counts.pending > 0
    assert result.counts.total == 300
    again = await desk.resume()
    assert again.counts.succeeded == 300
    assert desk.invites() == dict.fromkeys(addresses(300), 1)
