"""Who is let in, who is asked for, and how refusals look."""

import base64
from typing import Any

import pytest

REJECTED = (
    "sandbox-token",
    "Bearer sandbox-token",
    "Token wrong",
    "token sandbox-token",
    "Basic !",
    "Basic é",
    "Basic /w==",
    "Token",
    "",
)


def basic(text: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(text.encode()).decode()}"}


@pytest.mark.parametrize("header", REJECTED)
async def test_only_the_word_token_and_the_key_let_one_in(cloud: Any, header: str) -> None:
    """Anything else is a 401 in plain text, the key alone too."""
    answer = await cloud.call("GET", "users/self", headers={"Authorization": header})
    assert answer.status == 401
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.text


@pytest.mark.parametrize("name", ["admin", "Admin@acme.test"])
async def test_basic_takes_the_username_or_the_address(cloud: Any, name: str) -> None:
    """The older way, with the key for a password."""
    assert (await cloud.call("GET", "org", headers=basic(f"{name}:sandbox-token"))).status == 200


@pytest.mark.parametrize("pair", ["admin:wrong", "owner:sandbox-token", "admin"])
async def test_basic_with_another_pair_is_refused(cloud: Any, pair: str) -> None:
    """The key is its own user's only."""
    assert (await cloud.call("GET", "org", headers=basic(pair))).status == 401


async def test_self_is_a_redirect_to_the_account(cloud: Any) -> None:
    """307, relative or absolute, to a user whose links lead to the organisation."""
    answer = await cloud.call("GET", "users/self")
    assert answer.status == 307
    where = answer.headers["Location"]
    assert where.startswith("/v1/users/")
    await cloud.quirks(self_redirect="absolute")
    assert (await cloud.call("GET", "users/self")).headers["Location"] == cloud.sandbox.url + where
    user = (await cloud.get(where))["user"]
    assert user["emailAddress"] == "admin@acme.test"
    assert (await cloud.get(user["links"]["organisation"]))["organisation"]["id"] == cloud.sandbox.organization


async def test_a_key_that_ended_lets_nobody_in(cloud: Any) -> None:
    """Only when the fixed one is meant."""
    assert (await cloud.call("POST", "/__sandbox/expire-tokens")).json == {"expired": 0}
    assert (await cloud.call("GET", "org")).status == 200
    assert (await cloud.call("POST", "/__sandbox/expire-tokens", {"fixed": True})).json == {"expired": 1}
    assert (await cloud.call("GET", "org")).status == 401


async def test_a_key_has_a_life(start: Any, clock: Any) -> None:
    """When one is given."""
    cloud = await start(token_ttl=60)
    assert (await cloud.call("GET", "org")).status == 200
    clock.now += 60
    assert (await cloud.call("GET", "org")).status == 401


async def test_a_missing_right_is_a_403_in_the_form_of_errors(cloud: Any) -> None:
    """And nothing is applied."""
    await cloud.quirks(forbid=["invitations:write"])
    answer = await cloud.invite("new@hire.test")
    assert (answer.status, answer.title) == (403, "Forbidden")
    assert cloud.effects() == {}


async def test_a_caller_who_gave_up_the_role_can_read_and_not_write(cloud: Any) -> None:
    """The key has its user's rights and no others."""
    me = await cloud.user_id("admin@acme.test")
    path = f"org/acl/user/{me}"
    assert (await cloud.call("PUT", path, {"grant": {"role": "organisation_member"}})).status == 200
    assert (await cloud.invite("new@hire.test")).status == 403
    assert (await cloud.call("GET", "org/users")).status == 200


@pytest.mark.parametrize(
    "path", ["organisations/other", "organisations/other/users", "users/nobdy", "teams/nobdy/members"]
)
async def test_unknown_things_are_404_with_code_and_message(cloud: Any, path: str) -> None:
    """The form of all pages but that of one team."""
    answer = await cloud.call("GET", path)
    assert answer.status == 404
    assert answer.json == {"code": 404, "message": "HTTP 404 Not Found"}


async def test_an_unknown_team_is_told_of_in_either_form(cloud: Any) -> None:
    """Its own page shows errors."""
    answer = await cloud.call("GET", "teams/nobdy")
    assert (answer.status, answer.title) == (404, "Not found")
    await cloud.quirks(team_not_found="message")
    assert (await cloud.call("GET", "teams/nobdy")).json["code"] == 404


@pytest.mark.parametrize(
    "body",
    [
        b"{half",
        b"[]",
        b"{}",
        b'{"invitation": {}}',
        b'{"invitation": {"role": "boss", "recipientEmailAddress": "a@b"}}',
    ],
)
async def test_a_body_of_the_wrong_shape_is_a_422(cloud: Any, body: bytes) -> None:
    """With the place that is wrong."""
    headers = {"Content-Type": "application/json"}
    answer = await cloud.call("POST", "org/invitations", data=body, headers=headers)
    assert (answer.status, answer.title) == (422, "Invalid JSON")
    assert answer.json["errors"][0]["detail"]


async def test_over_the_quota_is_a_429_that_names_no_limit(start: Any) -> None:
    """No page tells of a header, so there is none."""
    cloud = await start(quota=1)
    ordinary = await cloud.call("GET", "org")
    refused = await cloud.call("GET", "org")
    assert (ordinary.status, refused.status) == (200, 429)
    for answer in (ordinary, refused):
        assert not [name for name in answer.headers if "ratelimit" in name.lower() or name == "Retry-After"]


@pytest.mark.parametrize(
    "quirks",
    [
        {"seat_limit": -1},
        {"seat_limit": True},
        {"paging": "half"},
        {"pagin": "full"},
        {"forbid": ["all"]},
        {"forbid": [[]]},
    ],
)
async def test_an_unknown_quirk_or_value_is_refused(cloud: Any, quirks: dict[str, Any]) -> None:
    """And changes nothing."""
    before = cloud.sandbox.settings()
    answer = await cloud.call("PATCH", "/__sandbox/settings", {"quirks": quirks})
    assert answer.status == 400
    assert next(iter(quirks)) in answer.json["error"]
    assert cloud.sandbox.settings() == before
