"""What the sandbox tells about itself."""

import asyncio
from typing import Any

import pytest

from bulkops.sandbox import SandboxOptions
from bulkops.sandbox.options import SandboxError
from bulkops.sandbox.recording import RequestLog
from bulkops.sandbox.server import Sandbox


async def test_effects_are_seen_alike_inside_and_over_http(admin: Any) -> None:
    """One filter keeps one kind of effect and the people it happened to."""
    user_id = await admin.user_id("inbox.one")
    await admin.call("POST", "invites", [{"email": "a@new.test"}])
    await admin.call("DELETE", "users", [user_id])
    assert (await admin.call("GET", "/__sandbox/effects")).json == admin.sandbox.effects.view()
    some = (await admin.call("GET", "/__sandbox/effects", params={"effect": "invite_sent"})).json
    assert some["totals"] == {"invite_sent": 1}
    assert list(some["people"]) == ["a@new.test"]


async def test_requests_are_recorded_without_secrets(admin: Any) -> None:
    """Bodies and queries are parsed; passwords and tokens are not in them."""
    app = {"grant_type": "client_credentials", "client_id": "sandbox-client", "client_secret": "sandbox-secret"}
    await admin.call("POST", "/accounts/api/v2/oauth2/token", data=app)
    await admin.call("GET", "users", params={"offset": 5})
    seen = (await admin.call("GET", "/__sandbox/requests")).json
    token, listing = seen["requests"]
    assert token["body"] == {**app, "client_secret": "***"}
    assert (listing["query"], listing["status"]) == ({"offset": "5"}, 200)
    assert "sandbox-token" not in str(seen)
    later = await admin.call("GET", "/__sandbox/requests", params={"since": seen["last"] - 1})
    assert [entry["n"] for entry in later.json["requests"]] == [seen["last"]]


def test_the_record_is_bounded() -> None:
    """The oldest entries go, and numbering goes on."""
    log = RequestLog(capacity=2)
    for path in "abc":
        log.note(at=0, method="GET", path=path, query="", content_type="", raw=b"")
    assert [entry["path"] for entry in log] == ["b", "c"]
    assert log.count == 3


async def test_reset_brings_the_base_back(admin: Any) -> None:
    """Accounts, effects, requests and faults are as at the start."""
    before = (await admin.call("GET", "/__sandbox/state")).json
    await admin.call("DELETE", "users", [await admin.user_id("inbox.one")])
    admin.sandbox.faults.add("html")
    after = (await admin.call("POST", "/__sandbox/reset")).json
    assert {**after, "requests": 0} == {**before, "requests": 0}
    assert admin.sandbox.effects.totals == {}
    assert (await admin.call("GET", "users")).json["total"] == 120


async def test_the_whole_organisation_is_told_without_its_secrets(admin: Any) -> None:
    """Accounts, invitations, what people hold and the allowlist, as they are now; no code and no client secret."""
    user_id = await admin.user_id("inbox.one")
    developers = await admin.rolegroup("Developers")
    await admin.call("POST", "invites", [{"email": "a@new.test"}])
    await admin.call("POST", f"rolegroups/{developers}/users", [user_id])
    await admin.call("DELETE", "users", [await admin.user_id("inbox.two")])
    answer = await admin.call("GET", "/__sandbox/organization")
    told = answer.json
    assert "a@new.test" in [invite["email"] for invite in told["invites"]]
    assert user_id in told["role_groups"][developers]["holders"]
    assert [user["username"] for user in told["users"].values() if user["deleted"]][:1] == ["inbox.two"]
    assert set(told["allowlist"]) == {row["client_id"] for row in await admin.rows("connectedApplications/allowlist")}
    assert b'"code"' not in answer.raw
    assert b"client_secret" not in answer.raw


async def test_settings_are_all_or_nothing(admin: Any) -> None:
    """An unknown quirk is refused with the nearest name, and the quota beside it stays."""
    answer = await admin.call("PATCH", "/__sandbox/settings", {"quota": 1, "quirks": {"invite_anwser": "items"}})
    assert answer.status == 400
    assert "invite_answer" in answer.json["error"]
    settings = (await admin.call("GET", "/__sandbox/settings")).json
    assert settings["quota"] is None
    assert settings["quirks"]["invite_answer"] == "empty"


async def test_latency_holds_every_call_before_it_is_applied(admin: Any) -> None:
    """While the call waits, nothing has happened yet."""
    await admin.call("PATCH", "/__sandbox/settings", {"latency_ms": 100})
    call = asyncio.create_task(admin.call("POST", "invites", [{"email": "a@new.test"}]))
    await admin.until(lambda: admin.sandbox.requests.count == 1)
    assert admin.sandbox.effects.totals == {}
    assert (await call).status == 200
    assert admin.sandbox.effects.totals == {"invite_sent": 1}


@pytest.mark.parametrize(
    "options", [{"people": 1}, {"window": 0}, {"quota": -1}, {"latency_ms": -1}, {"quirks": {"throttle": "418"}}]
)
def test_senseless_options_are_refused(options: dict[str, Any]) -> None:
    """The message is one line for a person."""
    with pytest.raises(SandboxError) as refused:
        Sandbox(SandboxOptions(**options))
    assert "\n" not in str(refused.value)


async def test_the_same_seed_makes_the_same_people(start: Any) -> None:
    """And another seed makes others."""
    found = [await (await start(seed=seed)).rows("users") for seed in (1, 1, 2)]
    assert found[0] == found[1]
    assert found[0] != found[2]
