"""Quotas: fixed windows on the clock, for each endpoint."""

from typing import Any


async def test_ordinary_answers_tell_what_is_left(start: Any) -> None:
    """Limit, remaining calls and the end of the window as an epoch second; without a quota no headers."""
    admin = await start(quota=3)
    answer = await admin.call("GET", "users")
    assert answer.headers["X-RateLimit-Limit"] == "3"
    assert answer.headers["X-RateLimit-Remaining"] == "2"
    assert answer.headers["X-RateLimit-Reset"] == "1800000060"
    await admin.call("PATCH", "/__sandbox/settings", {"quota": None})
    assert "X-RateLimit-Limit" not in (await admin.call("GET", "users")).headers


async def test_over_the_quota_comes_an_empty_503_until_the_window_ends(start: Any, clock: Any) -> None:
    """Refused calls have no body, no headers and no effect; other endpoints are counted apart."""
    admin = await start(quota=1)
    await admin.call("POST", "invites", [{"email": "a@new.test"}])
    refused = await admin.call("POST", "invites", [{"email": "b@new.test"}])
    assert (refused.status, refused.raw, refused.headers["Content-Length"]) == (503, b"", "0")
    assert "X-RateLimit-Reset" not in refused.headers
    assert (await admin.call("GET", "invites")).status == 200
    clock.now = 1_800_000_060.0
    assert (await admin.call("POST", "invites", [{"email": "b@new.test"}])).status == 200
    assert admin.sandbox.effects.totals == {"invite_sent": 2}
    assert admin.sandbox.summary()["quota_refused"] == 1


async def test_the_other_style_is_a_429_with_headers(start: Any) -> None:
    """Then nothing is left and the end of the window is named."""
    admin = await start(quota=0, quirks={"throttle": "429"})
    answer = await admin.call("GET", "users")
    assert (answer.status, answer.headers["X-RateLimit-Remaining"]) == (429, "0")


async def test_a_gateway_counts_milliseconds_in_the_same_header(start: Any) -> None:
    """By quirk the reset header holds the time left instead of an epoch second."""
    admin = await start(quota=5, quirks={"reset_unit": "milliseconds_left"})
    assert (await admin.call("GET", "users")).headers["X-RateLimit-Reset"] == "40000"


async def test_the_window_can_be_changed_while_running(start: Any) -> None:
    """A new window starts counting afresh, and nonsense changes nothing."""
    admin = await start(quota=1)
    await admin.call("GET", "users")
    answer = await admin.call("PATCH", "/__sandbox/settings", {"quota": 2, "window": "long"})
    assert (answer.status, "window" in answer.json["error"]) == (400, True)
    assert (await admin.call("GET", "users")).status == 503
    await admin.call("PATCH", "/__sandbox/settings", {"quota": 2, "window": 7})
    assert (await admin.call("GET", "users")).headers["X-RateLimit-Reset"] == "1800000027"
