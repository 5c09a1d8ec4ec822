"""Who is let in, how, and for how long."""

from typing import Any

import pytest

TOKEN_PATH = "/accounts/api/v2/oauth2/token"
APP = {"client_id": "sandbox-client", "client_secret": "sandbox-secret"}


async def test_without_a_valid_token_the_answer_is_plain_text_401(admin: Any) -> None:
    """A missing, wrong or differently schemed token is refused in plain text."""
    for header in ({}, {"Authorization": "Bearer nope"}, {"Authorization": "Basic sandbox-token"}):
        admin.headers = header
        answer = await admin.call("GET", "users")
        assert (answer.status, answer.raw) == (401, b"Unauthorized")
        assert answer.headers["Content-Type"].startswith("text/plain")


async def test_every_answer_names_its_transaction_and_the_date(admin: Any) -> None:
    """Successes, refusals and unknown paths all carry the transaction id and the date."""
    for path in ("users", "users/unknown", "/accounts/api/nothing"):
        answer = await admin.call("GET", path)
        assert len(answer.headers["X-ANYPNT-TRX-ID"]) == 36
        assert answer.headers["Date"]


@pytest.mark.parametrize("form", [False, True])
async def test_a_connected_app_gets_a_token_by_json_and_by_form(admin: Any, form: bool) -> None:
    """The token endpoint takes both content types, and the app then acts without a person behind it."""
    given = {"grant_type": "client_credentials", **APP}
    admin.headers = {}
    answer = await admin.call("POST", TOKEN_PATH, **({"data": given} if form else {"body": given}))
    assert answer.status == 200
    assert answer.json["expires_in"] == 3600
    admin.headers = {"Authorization": f"bearer {answer.json['access_token']}"}
    me = await admin.call("GET", "/accounts/api/me")
    assert me.json["client"]["org_id"] == admin.sandbox.organization
    assert "user" not in me.json
    assert (await admin.call("GET", "/accounts/api/users/me")).status == 401


async def test_a_person_signs_in_and_is_an_administrator(admin: Any) -> None:
    """Login and the password grant lead to the same person, who is not the owner."""
    admin.headers = {}
    login = await admin.call("POST", "/accounts/login", {"username": "admin", "password": "sandbox-password"})
    grant = {"grant_type": "password", "username": "admin", "password": "sandbox-password", **APP}
    for token in (login.json["access_token"], (await admin.call("POST", TOKEN_PATH, grant)).json["access_token"]):
        me = await admin.call("GET", "/accounts/api/users/me", headers={"Authorization": f"Bearer {token}"})
        assert me.json["username"] == "admin"
        assert me.json["organization"]["ownerId"] != me.json["id"]


async def test_wrong_credentials_are_401_and_disabled_people_403(admin: Any) -> None:
    """A wrong password or secret is unauthorized; the right password of a disabled account is forbidden."""
    admin.headers = {}
    wrong = await admin.call("POST", "/accounts/login", {"username": "admin", "password": "x"})
    disabled = await admin.call(
        "POST", "/accounts/login", {"username": "dora.disabled", "password": "sandbox-password"}
    )
    app = await admin.call("POST", TOKEN_PATH, {"grant_type": "client_credentials", **APP, "client_secret": "x"})
    assert (wrong.status, disabled.status, app.status) == (401, 403, 401)


async def test_tokens_end_after_their_life(start: Any, clock: Any) -> None:
    """With a life given, the fixed token ends like any other, and a new one must be asked for."""
    admin = await start(token_ttl=30)
    assert (await admin.call("GET", "users")).status == 200
    clock.now += 30
    assert (await admin.call("GET", "users")).raw == b"Unauthorized"
    fresh = await admin.call("POST", TOKEN_PATH, {"grant_type": "client_credentials", **APP})
    assert fresh.json["expires_in"] == 30
    again = await admin.call("GET", "users", headers={"Authorization": f"Bearer {fresh.json['access_token']}"})
    assert again.status == 200


async def test_tokens_can_be_ended_on_request(admin: Any) -> None:
    """The control endpoint ends issued tokens at once, and the fixed one only when told to."""
    fresh = await admin.call("POST", TOKEN_PATH, {"grant_type": "client_credentials", **APP})
    headers = {"Authorization": f"Bearer {fresh.json['access_token']}"}
    assert (await admin.call("POST", "/__sandbox/expire-tokens")).json == {"expired": 1}
    assert (await admin.call("GET", "users", headers=headers)).status == 401
    assert (await admin.call("GET", "users")).status == 200
    await admin.call("POST", "/__sandbox/expire-tokens", {"fixed": True})
    assert (await admin.call("GET", "users")).status == 401


async def test_missing_rights_are_refused_in_plain_text(start: Any) -> None:
    """A forbidden right answers 403 or 401 as chosen, and other rights stay."""
    admin = await start(quirks={"forbid": ["invites:write"]})
    refused = await admin.call("POST", "invites", [{"email": "a@new.test"}])
    assert (refused.status, refused.raw) == (403, b"Forbidden")
    assert (await admin.call("GET", "invites")).status == 200
    await admin.call("PATCH", "/__sandbox/settings", {"quirks": {"forbid_status": 401}})
    assert (await admin.call("POST", "invites", [])).raw == b"Unauthorized"
    assert admin.sandbox.effects.totals == {}


async def test_an_app_for_itself_may_not_write_the_allowlist(admin: Any) -> None:
    """The allowlist asks for a person; reading it does not."""
    fresh = await admin.call("POST", TOKEN_PATH, {"grant_type": "client_credentials", **APP})
    admin.headers = {"Authorization": f"Bearer {fresh.json['access_token']}"}
    path = "connectedApplications/allowlist"
    assert (await admin.call("PATCH", path, [{"client_id": "x"}])).status == 403
    assert (await admin.call("GET", path)).status == 200


async def test_an_ordinary_member_may_not_list_people(admin: Any) -> None:
    """Accounts without the administrators role group read the organisation and no more."""
    login = await admin.call("POST", "/accounts/login", {"username": "inbox.one", "password": "sandbox-password"})
    admin.headers = {"Authorization": f"Bearer {login.json['access_token']}"}
    assert (await admin.call("GET", "users")).status == 403
    assert (await admin.call("GET", "hierarchy")).status == 200
