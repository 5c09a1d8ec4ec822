"""Faults: each kind does what it says, to the calls it is meant for."""

import asyncio
from typing import Any

import aiohttp
import pytest

BATCH = [{"email": f"p{number}@new.test"} for number in range(10)]


def sent(admin: Any) -> int:
    return int(admin.sandbox.effects.count("invite_sent"))


@pytest.mark.parametrize(("kind", "applied"), [("refuse", 0), ("lose_before", 0), ("lose_after", 10)])
async def test_lost_connections_leave_the_client_in_doubt(admin: Any, kind: str, applied: int) -> None:
    """No answer comes; whether the batch was applied is known to the sandbox alone."""
    rule = admin.sandbox.faults.add(kind, method="POST", path="*/invites", times=1)
    with pytest.raises(aiohttp.ClientError):
        await admin.call("POST", "invites", BATCH)
    assert (rule.fired, sent(admin)) == (1, applied)
    assert (await admin.call("POST", "invites", [{"email": "later@new.test"}])).status == 200
    lost = next(entry for entry in admin.sandbox.requests if entry["fault"])
    assert (lost["fault"], lost["status"]) == (kind, None)


async def test_a_delayed_write_is_applied_after_the_client_left(admin: Any) -> None:
    """The client hangs up during the delay, and the mails leave all the same."""
    admin.sandbox.faults.add("delay_before", path="*/invites", seconds=0.2)
    with pytest.raises(TimeoutError):
        await admin.call("POST", "invites", BATCH, timeout=aiohttp.ClientTimeout(total=0.05))
    assert sent(admin) == 0
    await admin.until(lambda: sent(admin) == 10)


async def test_what_is_applied_late_loses_its_connection_first(admin: Any) -> None:
    """The client knows at once that no answer comes, and the mails leave while the call still counts as under way."""
    admin.sandbox.faults.add("apply_late", path="*/invites", seconds=0.2)
    with pytest.raises(aiohttp.ClientError):
        await admin.call("POST", "invites", BATCH)
    assert (sent(admin), admin.sandbox.summary()["in_flight"]) == (0, 1)
    await admin.until(lambda: admin.sandbox.summary()["in_flight"] == 0)
    assert sent(admin) == 10


async def test_a_delayed_answer_is_applied_first(admin: Any) -> None:
    """The effect is there while the client still waits."""
    admin.sandbox.faults.add("delay_after", path="*/invites", seconds=0.2)
    call = asyncio.create_task(admin.call("POST", "invites", BATCH))
    await admin.until(lambda: sent(admin) == 10)
    assert not call.done()
    assert (await call).status == 200


@pytest.mark.parametrize(("kind", "applied"), [("status", 0), ("status_after", 10)])
async def test_a_chosen_status_comes_before_or_after_applying(admin: Any, kind: str, applied: int) -> None:
    """The same 502 may mean either."""
    admin.sandbox.faults.add(kind, path="*/invites", status=502, body="Bad Gateway", headers={"Retry-After": "7"})
    answer = await admin.call("POST", "invites", BATCH)
    assert (answer.status, answer.raw, answer.headers["Retry-After"]) == (502, b"Bad Gateway", "7")
    assert sent(admin) == applied


async def test_a_broken_body_hides_a_success(admin: Any) -> None:
    """200 with JSON that ends too soon, for empty answers too."""
    admin.sandbox.faults.add("break_body")
    answer = await admin.call("POST", "invites", BATCH)
    assert (answer.status, answer.json, sent(admin)) == (200, None, 10)
    user_id = admin.sandbox.organization
    assert (await admin.call("DELETE", "users", [user_id])).raw == b'{"data":[{'


async def test_a_proxy_page_is_not_the_vendors_answer(admin: Any) -> None:
    """200 and HTML, with nothing applied."""
    admin.sandbox.faults.add("html")
    answer = await admin.call("POST", "invites", BATCH)
    assert (answer.status, sent(admin)) == (200, 0)
    assert answer.headers["Content-Type"].startswith("text/html")


async def test_a_batch_may_be_applied_in_part_without_a_word(admin: Any) -> None:
    """The answer is the ordinary one, and four of ten mails left."""
    admin.sandbox.faults.add("partial", path="*/invites", share=0.4)
    answer = await admin.call("POST", "invites", BATCH)
    assert (answer.status, answer.json, sent(admin)) == (200, [], 4)


async def test_a_partial_resend_claims_success_for_all(admin: Any) -> None:
    """Even where an answer tells ids apart, the skipped ones are among the succeeded."""
    admin.sandbox.faults.add("partial", path="*/resend", share=0.5)
    rows = await admin.rows("invites")
    ids = [row["id"] for row in rows if row["status"] == "INVITED"][:4]
    answer = await admin.call("POST", "invites/resend", ids)
    assert sorted(answer.json["succeeded"]) == sorted(ids)
    assert admin.sandbox.effects.count("invite_resent") == 2


async def test_a_refused_item_takes_its_batch_along(admin: Any) -> None:
    """The 400 does not tell which item it was; batches without it pass."""
    admin.sandbox.faults.add("reject_items", method="POST", items="P7@*")
    answer = await admin.call("POST", "invites", BATCH)
    assert (answer.status, b"p7" in answer.raw, sent(admin)) == (400, False, 0)
    assert (await admin.call("POST", "invites", BATCH[:7])).status == 200


async def test_a_redirect_leads_to_another_host(admin: Any) -> None:
    """302 to where the token must not go."""
    admin.sandbox.faults.add("redirect", location="http://elsewhere.invalid/x")
    answer = await admin.call("GET", "users")
    assert (answer.status, answer.headers["Location"]) == (302, "http://elsewhere.invalid/x")


async def test_a_hanging_call_never_answers(admin: Any) -> None:
    """The client's own time-out is what ends it, and the sandbox stops without waiting for it."""
    admin.sandbox.faults.add("hang", path="*/invites")
    with pytest.raises(TimeoutError):
        await admin.call("POST", "invites", BATCH, timeout=aiohttp.ClientTimeout(total=0.05))
    assert sent(admin) == 0


async def test_counters_choose_which_calls_go_wrong(admin: Any) -> None:
    """After two good ones, two bad ones, then good again."""
    admin.sandbox.faults.add("status", path="*/users", after=2, times=2, status=500)
    statuses = [(await admin.call("GET", "users")).status for _ in range(6)]
    assert statuses == [200, 200, 500, 500, 200, 200]


async def test_chance_is_seeded(start: Any) -> None:
    """The same seed makes the same calls fail."""
    runs = []
    for _ in range(2):
        admin = await start(faults=[{"kind": "status", "status": 500, "probability": 0.5}])
        runs.append([(await admin.call("GET", "invites")).status for _ in range(12)])
    assert runs[0] == runs[1]
    assert {200, 500} == set(runs[0])


async def test_rules_can_look_into_the_body(admin: Any) -> None:
    """Only the batch with that address goes wrong."""
    admin.sandbox.faults.add("status", status=500, body_contains="P3@new")
    assert (await admin.call("POST", "invites", BATCH)).status == 500
    assert (await admin.call("POST", "invites", BATCH[:2])).status == 200


async def test_a_delay_goes_together_with_another_fault(admin: Any) -> None:
    """Applied late, and the answer lost as well."""
    admin.sandbox.faults.add("delay_before", path="*/invites", seconds=0.01)
    admin.sandbox.faults.add("lose_after", path="*/invites")
    with pytest.raises(aiohttp.ClientError):
        await admin.call("POST", "invites", BATCH)
    assert sent(admin) == 10


async def test_rules_are_set_seen_and_cleared_over_http(admin: Any) -> None:
    """A list replaces what was there; counters are shown; control endpoints suffer no fault themselves."""
    rules = [{"kind": "status", "status": 500, "path": "*"}]
    assert (await admin.call("POST", "/__sandbox/faults", rules)).status == 200
    assert (await admin.call("GET", "users")).status == 500
    (rule,) = (await admin.call("GET", "/__sandbox/faults")).json
    assert (rule["matched"], rule["fired"]) == (1, 1)
    assert (await admin.call("DELETE", "/__sandbox/faults")).status == 204
    assert (await admin.call("GET", "users")).status == 200


BAD_RULES: list[tuple[Any, str]] = [
    ({"kind": "explode"}, "unknown kind"),
    ({"kind": "refuse", "pth": "*"}, "unknown field 'pth'"),
    ({"kind": "status"}, "needs 'status'"),
    ({"kind": "partial", "share": 2}, "'share' must be a number from 0 to 1"),
    ({"kind": "refuse", "times": 0}, "'times' must be a whole number"),
    ({"kind": "reject_items", "items": []}, "glob"),
    ("refuse", "expected an object"),
]


@pytest.mark.parametrize(("rule", "words"), BAD_RULES)
async def test_a_bad_rule_is_explained_and_changes_nothing(admin: Any, rule: Any, words: str) -> None:
    """The message names the rule's number and what is wrong with it."""
    admin.sandbox.faults.add("status", status=500)
    answer = await admin.call("POST", "/__sandbox/faults", [{"kind": "html"}, rule])
    assert answer.status == 400
    assert "fault rule 2" in answer.json["error"]
    assert words in answer.json["error"]
    assert len(admin.sandbox.faults) == 1
