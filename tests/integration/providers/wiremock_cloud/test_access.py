"""How a target at WireMock Cloud is opened: its key, its host, and what must be confirmed before."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from bulkops.config import Auth, TargetConfig
from bulkops.errors import AccessError
from bulkops.providers.adapter import Given
from bulkops.providers.wiremock_cloud import ADAPTER, HOSTS, PROFILE, caution
from bulkops.testing.desk import Desk
from bulkops.transport import MASK, Reading, Scrubber
from bulkops.wiring import Overrides, open_organization

AtDesk = Callable[..., Awaitable[Desk]]
KEY = "wmcp_7c1d9e0b2a"


def test_production_is_where_nobody_says_otherwise() -> None:
    """The prefix of its paths is the provider's own."""
    assert next(iter(HOSTS.values())) == "https://api.wiremock.cloud"
    assert caution(HOSTS["production"]) == ""


@pytest.mark.parametrize(
    "origin",
    [
        "https://wmc.wiremockapi.cloud",
        "https://WMC.WireMockAPI.cloud",
        "https://acme-orders.wiremockapi.cloud:443",
        "https://wmc.wiremockapi.cloud.",
        "http://wiremockapi.cloud:8080",
    ],
)
def test_a_mock_is_told_by_its_domain(origin: str) -> None:
    """The vendor's own of this API, and anybody's."""
    assert "looks successful and changes nothing" in caution(origin)
    assert "https://api.wiremock.cloud" in caution(origin)


@pytest.mark.parametrize(
    "origin", ["https://api.wiremock.cloud", "https://notwiremockapi.cloud", "https://wiremockapi.cloud.acme.test"]
)
def test_what_only_looks_like_a_mock_is_none(origin: str) -> None:
    """The name must be the domain's, or below it."""
    assert caution(origin) == ""


def given(secret: str, scrubber: Scrubber) -> Given:
    """A target whose key is `secret`."""
    return Given("api-key", {"api_key": secret}, lambda _name: "$KEY", _no_session, scrubber)


def _no_session() -> Any:
    raise AssertionError("a key needs no login")


@pytest.mark.parametrize("secret", [KEY, f"Token {KEY}", f"token  {KEY}"])
async def test_the_word_token_is_written_once(secret: str) -> None:
    """Whether or not it was copied along with the key; and the bare key is masked, too."""
    scrubber = Scrubber()
    token = await ADAPTER.credentials(given(secret, scrubber)).current()
    assert token.header == f"Token {KEY}"
    assert scrubber.text(f"said {KEY[:5]}… and {KEY}") == f"said {KEY[:5]}… and {MASK}"
    assert KEY not in repr(token)


async def test_a_key_of_another_form_is_masked_once_it_is_known() -> None:
    """Not every key begins alike."""
    scrubber = Scrubber()
    ADAPTER.credentials(given("Token 0a1b2c3d", scrubber))
    assert scrubber.text("0a1b2c3d") == MASK


@pytest.mark.parametrize("text", [KEY, f'{{"x": "{KEY}"}}', f"Authorization: Token {KEY}", f"a({KEY})"])
def test_any_key_of_the_vendor_is_masked_whoever_knows_it(text: str) -> None:
    """Somebody else's, in an answer."""
    assert "7c1d9e0b2a" not in Scrubber().text(text)
    assert MASK in Scrubber().text(text)


async def test_a_key_that_is_refused_is_named_by_where_it_came_from() -> None:
    """It cannot be renewed."""
    credentials = ADAPTER.credentials(given(KEY, Scrubber()))
    with pytest.raises(AccessError, match=r"the token from \$KEY") as refused:
        await credentials.renew(await credentials.current())
    assert KEY not in str(refused.value)


@pytest.mark.parametrize("written", ["sandbox-token", "Token sandbox-token"])
async def test_a_target_is_opened_with_its_key(at_desk: AtDesk, tmp_path: Path, written: str) -> None:
    """As written or with the word before it; four calls in flight unless somebody says otherwise."""
    desk = await at_desk()
    (tmp_path / "token").write_text(written)
    assert len(await desk.members()) == 60
    assert ADAPTER.width == 4


async def test_a_target_at_a_mock_carries_the_caution(tmp_path: Path) -> None:
    """Opening it calls nobody."""
    target = TargetConfig(
        provider="wiremock-cloud",
        organization="acm3g",
        base_url="https://wmc.wiremockapi.cloud",
        auth=Auth.model_validate({"method": "api-key", "api_key_env": "KEY"}),
    )
    async with open_organization(
        target, scrubber=Scrubber(), overrides=Overrides(), sandbox_state=tmp_path / "x", environ={"KEY": KEY}
    ) as org:
        assert "wmc.wiremockapi.cloud is a mock" in org.caution
        assert org.meter.requests == 0


@pytest.mark.parametrize(
    ("status", "body", "reading"),
    [
        (409, {"errors": [{"title": "Seat limit reached"}]}, Reading("no_seat", stops_run=True)),
        (422, {"errors": [{"title": "Nope", "code": "seat_limit_exceeded"}]}, Reading("no_seat", stops_run=True)),
        (403, {"errors": [{"title": "x"}, {"title": "No seats left"}]}, Reading("no_seat", stops_run=True)),
        (409, {"errors": [{"title": "Nope", "code": "NO_SEATS_LEFT"}]}, Reading("no_seat", stops_run=True)),
        (409, {"errors": [{"title": "Nope", "code": "LAST_ADMIN"}]}, Reading("last_owner")),
        (409, {"errors": [{"title": "Nope", "code": "UNSEATED"}]}, None),
        (409, {"errors": [{"title": "An organisation must have at least one administrator"}]}, Reading("last_owner")),
        (409, {"errors": [{"title": "Cannot remove the last admin"}]}, Reading("last_owner")),
        (400, {"errors": [{"title": "Seat limit reached"}]}, None),
        (409, {"errors": [{"title": "Seattle is unknown"}]}, None),
        (409, {"errors": [{"title": "x", "detail": "seat"}]}, None),
        (409, {"errors": ["seat"]}, None),
        (409, {"errors": "seat"}, None),
        (409, "seat", None),
        (409, None, None),
    ],
)
def test_what_a_refusal_means_is_told_by_code_and_title(status: int, body: Any, reading: Reading | None) -> None:
    """Nothing is published for either; what the detail quotes tells nothing."""
    assert PROFILE.refusal(status, body) == reading
