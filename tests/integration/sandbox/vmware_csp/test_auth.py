"""Access tokens: three ways to get one, two headers to show it, half an hour of life."""

import base64
from typing import Any

import pytest

from bulkops.sandbox.options import CLIENT_ID, CLIENT_SECRET, TOKEN

EXCHANGE = "~/auth/api-tokens/authorize"
GRANT = {"grant_type": "client_credentials"}
USERS = "~/v2/orgs/{org}/users"
URLENCODED = "application/x-www-form-urlencoded"


def basic(secret: str) -> str:
    return "Basic " + base64.b64encode(f"{CLIENT_ID}:{secret}".encode()).decode()


async def exchange(csp: Any, **form: str) -> Any:
    return await csp.call("POST", EXCHANGE, data=form, headers={"Authorization": ""})


@pytest.mark.parametrize("header", ["csp-auth-token", "Authorization"])
async def test_an_api_token_buys_half_an_hour(csp: Any, clock: Any, header: str) -> None:
    """The access token works in either header for as long as `expires_in` says, then it is a 401."""
    answer = await exchange(csp, api_token=TOKEN)
    assert (answer.status, answer.json["expires_in"]) == (200, 1800)
    token = answer.json["access_token"]
    csp.headers = {header: token if header == "csp-auth-token" else f"Bearer {token}"}
    clock.now += 1799
    assert (await csp.call("GET", USERS)).status == 200
    clock.now += 1
    refused = await csp.call("GET", USERS)
    assert (refused.status, refused.json["statusCode"]) == (401, 401)


async def test_the_deprecated_name_of_the_field_still_works(csp: Any) -> None:
    """`refresh_token`, as a form field and in the query."""
    assert (await exchange(csp, refresh_token=TOKEN)).status == 200
    assert (await csp.call("POST", f"{EXCHANGE}?refresh_token={TOKEN}")).status == 200


@pytest.mark.parametrize("form", [{"api_token": "wrong"}, {}])
async def test_a_bad_api_token_is_a_400(csp: Any, form: dict[str, str]) -> None:
    """Module code 340 and a message that starts with `invalid_grant`, not a 401."""
    answer = await csp.call("POST", EXCHANGE, data=form or b"a=b", headers={"Content-Type": URLENCODED})
    assert (answer.status, answer.json["moduleCode"]) == (400, 340)
    assert answer.json["message"].startswith("invalid_grant")
    assert answer.json["requestId"]


@pytest.mark.parametrize("path", ["~/auth/authorize", "~/auth/token"])
async def test_an_app_signs_in_with_its_id_and_secret(csp: Any, path: str) -> None:
    """Both addresses take the Basic header; a wrong secret and another grant do not pass."""
    app = basic(CLIENT_SECRET)
    answer = await csp.call("POST", path, data=GRANT, headers={"Authorization": app})
    csp.headers = {"csp-auth-token": answer.json["access_token"]}
    assert (await csp.call("GET", "invitations")).status == 200
    wrong = basic("guess")
    assert (await csp.call("POST", path, data=GRANT, headers={"Authorization": wrong})).status == 401
    other = {"grant_type": "authorization_code"}
    assert (await csp.call("POST", path, data=other, headers={"Authorization": app})).status == 400


async def test_apps_can_be_denied_what_older_pages_denied_them(start: Any) -> None:
    """A 403 for the app where a person passes."""
    csp = await start(quirks={"app_forbid": ["invitations:write"]})
    app = basic(CLIENT_SECRET)
    answer = await csp.call("POST", "~/auth/authorize", data=GRANT, headers={"Authorization": app})
    token = {"csp-auth-token": answer.json["access_token"]}
    body = {"usernames": ["a@new.test"]}
    assert (await csp.call("POST", "invitations", body, headers=token)).status == 403
    assert (await csp.call("POST", "invitations", body)).status == 202


async def test_an_organisation_can_demand_a_passcode(start: Any) -> None:
    """The API token alone is then a 400."""
    csp = await start(quirks={"demand_passcode": True})
    assert (await exchange(csp, api_token=TOKEN)).status == 400
    assert (await exchange(csp, api_token=TOKEN, passcode="123456")).status == 200


async def test_tokens_are_ended_on_request(csp: Any) -> None:
    """Issued ones end at once; the fixed one only when that is wanted."""
    await exchange(csp, api_token=TOKEN)
    assert csp.sandbox.expire_tokens() == 1
    assert (await csp.call("GET", USERS)).status == 200
    csp.sandbox.expire_tokens(fixed=True)
    assert (await csp.call("GET", USERS)).status == 401


@pytest.mark.parametrize(("fields", "expected"), [("message", {"message"}), ("none", None)])
async def test_every_field_of_an_error_is_optional(start: Any, fields: str, expected: set[str] | None) -> None:
    """The message alone, or no body."""
    csp = await start(quirks={"error_fields": fields})
    answer = await csp.call("GET", USERS, headers={"Authorization": ""})
    assert answer.status == 401
    assert (set(answer.json) if answer.json else None) == expected


async def test_another_organisation_is_not_found(csp: Any) -> None:
    """Whatever its id looks like."""
    assert (await csp.call("GET", "~/orgs/someone-else/invitations")).status == 404


@pytest.mark.parametrize(("style", "header"), [("none", None), ("seconds", "40"), ("date", "Fri, 15 Jan 2027")])
async def test_being_throttled(start: Any, style: str, header: str | None) -> None:
    """A 429 says nothing of limits unless the quirk has it name its wait; ordinary answers never do."""
    csp = await start(quota=1, quirks={"retry_after": style})
    first = await csp.call("GET", USERS)
    answer = await csp.call("GET", USERS)
    assert (first.status, answer.status, answer.json["statusCode"]) == (200, 429, 429)
    assert not [name for name in (*first.headers, *answer.headers) if "ratelimit" in name.lower()]
    said = answer.headers.get("Retry-After")
    assert said is None if header is None else said is not None and said.startswith(header)


async def test_rights_can_be_taken_from_everybody(start: Any) -> None:
    """403 for what the quirk forbids, and nothing else."""
    csp = await start(quirks={"forbid": ["users:write"]})
    assert (await csp.remove(["x:y"])).status == 403
    assert (await csp.call("GET", USERS)).status == 200


async def test_a_wrong_secret_may_be_a_400(start: Any) -> None:
    """As a bad API token is."""
    csp = await start(quirks={"bad_client_status": 400})
    answer = await csp.call("POST", "~/auth/token", data=GRANT, headers={"Authorization": basic("guess")})
    assert (answer.status, answer.json["moduleCode"]) == (400, 340)


@pytest.mark.parametrize("scheme", ["", "Basic abc", "Bearer", "Bearer other"])
async def test_what_is_no_token_is_a_401(csp: Any, scheme: str) -> None:
    """Whatever stands in the header."""
    assert (await csp.call("GET", USERS, headers={"Authorization": scheme})).status == 401
