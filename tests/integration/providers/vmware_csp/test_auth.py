"""Access tokens: both exchanges, their refusals, their lives."""

from __future__ import annotations

from base64 import b64encode
from contextlib import AsyncExitStack
from typing import Any

import pytest

from bulkops.errors import AccessError
from bulkops.providers.vmware_csp import ADAPTER
from bulkops.providers.vmware_csp.auth import Exchange, issuer
from bulkops.sandbox import Sandbox, SandboxOptions
from bulkops.testing.wire import Heard, Speaker, answer
from bulkops.transport import Gates, IssuedToken, Scrubber, Session, SessionOptions, Timeouts

API = "/csp/gateway/am/api"
QUICK = Timeouts(read_tries=2, backoff_base_s=0.001, backoff_cap_s=0.002)


class Clock:
    """Moved by hand."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


async def session_at(
    stack: AsyncExitStack, url: str, exchange: Exchange, scrubber: Scrubber, clock: Clock | None = None
) -> Session:
    """A session that exchanges its credentials."""
    opened: list[Session] = []
    credentials = IssuedToken(issuer(exchange, lambda: opened[0], scrubber), clock=clock or Clock())
    options = SessionOptions(base_url=url, profile=ADAPTER.profile, timeouts=QUICK)
    opened.append(Session(options, credentials=credentials, gates=Gates(), scrubber=scrubber))
    return await stack.enter_async_context(opened[0])


async def test_an_api_token_is_exchanged_by_a_form(serve: Any, stack: AsyncExitStack) -> None:
    """In the field that is not deprecated, without a token; what comes back is masked."""
    wire = await serve(answer(200, {"access_token": "issued-token-1", "expires_in": 1799, "refresh_token": "x"}))
    scrubber = Scrubber()
    session = await session_at(stack, wire.url, Exchange.api_token("api & token+1"), scrubber)
    await session.read("/things", gate="GET things")
    login, read = wire.heard
    assert (login.method, login.target, login.body) == (
        "POST",
        f"{API}/auth/api-tokens/authorize",
        b"api_token=api+%26+token%2B1",
    )
    assert login.headers["content-type"] == "application/x-www-form-urlencoded"
    assert "authorization" not in login.headers
    assert read.headers["authorization"] == "Bearer issued-token-1"
    assert "issued-token-1" not in scrubber.text("saw issued-token-1")


@pytest.mark.parametrize("missing", [0, 404, 405])
async def test_an_app_names_itself_in_a_header(serve: Any, stack: AsyncExitStack, missing: int) -> None:
    """At the one published path, and where it is not there at the other. The header is masked as a whole."""

    async def script(heard: Heard, speaker: Speaker) -> None:
        if missing and heard.path.endswith("/authorize"):
            await speaker.say(answer(missing, b""))
        else:
            await speaker.say(answer(200, {"access_token": "issued-token-1", "expires_in": 1799}))

    wire, scrubber = await serve(script), Scrubber()
    session = await session_at(stack, wire.url, Exchange.oauth_app("app-1", "s3cret-s3cret", scrubber), scrubber)
    await session.read("/things", gate="GET things")
    paths = [one.path for one in wire.heard]
    first, second = f"{API}/auth/authorize", f"{API}/auth/token"
    assert paths == [first, *([second] if missing else []), "/things"]
    pair = b64encode(b"app-1:s3cret-s3cret").decode()
    for login in wire.heard[:-1]:
        assert login.headers["authorization"] == f"Basic {pair}"
        assert login.body == b"grant_type=client_credentials"
    assert pair not in scrubber.text(f"echo {pair}")


@pytest.mark.parametrize("status", [400, 401])
async def test_a_refused_exchange_is_a_matter_of_credentials_and_not_tried_again(
    serve: Any, stack: AsyncExitStack, status: int
) -> None:
    """A bad API token is a 400 here. The vendor's words are told, the token is not."""
    body = {"message": "invalid_grant: Invalid refresh token: api-token-1", "moduleCode": 340}
    wire, scrubber = await serve(answer(status, body)), Scrubber()
    scrubber.add("api-token-1")
    session = await session_at(stack, wire.url, Exchange.api_token("api-token-1"), scrubber)
    for _ in range(2):
        with pytest.raises(AccessError, match="API token was refused") as caught:
            await session.read("/things", gate="GET things")
        assert "invalid_grant" in str(caught.value)
        assert "passcode" in str(caught.value)
        assert "api-token-1" not in str(caught.value)
    assert len(wire.heard) == 1


async def test_an_answer_without_a_token_is_no_token(serve: Any, stack: AsyncExitStack) -> None:
    """A success that holds none."""
    wire, scrubber = await serve(answer(200, {"expires_in": 1799})), Scrubber()
    session = await session_at(stack, wire.url, Exchange.oauth_app("a", "b", scrubber), scrubber)
    with pytest.raises(AccessError, match="gave no access token"):
        await session.read("/things", gate="GET things")


@pytest.mark.parametrize(("lives_s", "used_for_s"), [(1800, 1740), (300, 270), (10, 9)])
async def test_a_token_is_renewed_shortly_before_its_end(
    serve: Any, stack: AsyncExitStack, lives_s: int, used_for_s: int
) -> None:
    """A minute before what `expires_in` says, or a tenth of a short life; nobody waits for a 401."""
    wire, scrubber, clock = (
        await serve(answer(200, {"access_token": "issued-token-1", "expires_in": lives_s})),
        Scrubber(),
        Clock(),
    )
    session = await session_at(stack, wire.url, Exchange.api_token("api-token-1"), scrubber, clock)

    async def logins() -> int:
        await session.read("/things", gate="GET things")
        return sum(one.path.endswith("/authorize") for one in wire.heard)

    assert await logins() == 1
    clock.now += used_for_s - 0.5
    assert await logins() == 1
    clock.now += 1.0
    assert await logins() == 2


@pytest.mark.parametrize("said", [{}, {"expires_in": None}, {"expires_in": "soon"}, {"expires_in": 0}])
async def test_a_life_that_nobody_tells_lasts_until_a_401(
    serve: Any, stack: AsyncExitStack, said: dict[str, Any]
) -> None:
    """Then it is exchanged once more, and the call repeated once."""
    refused: list[str] = []

    async def script(heard: Heard, speaker: Speaker) -> None:
        if heard.path.endswith("/authorize"):
            await speaker.say(answer(200, {"access_token": "issued-token-1", **said}))
        elif clock.now > 5000 and not refused:
            refused.append(heard.path)
            await speaker.say(answer(401, {"message": "expired"}))
        else:
            await speaker.say(answer(200, {}))

    clock = Clock()
    wire, scrubber = await serve(script), Scrubber()
    session = await session_at(stack, wire.url, Exchange.api_token("api-token-1"), scrubber, clock)
    for clock.now in (1000.0, 4000.0, 6000.0):
        await session.read("/things", gate="GET things")
    assert [one.path.rpartition("/")[2] for one in wire.heard] == [
        "authorize",
        "things",
        "things",
        "things",
        "authorize",
        "things",
    ]


async def test_the_sandbox_takes_both_and_its_tokens_open_the_organisation(stack: AsyncExitStack) -> None:
    """After all tokens are ended they are exchanged again."""
    sandbox = await stack.enter_async_context(Sandbox(SandboxOptions(people=10, vendor="vmware-csp")))
    scrubber = Scrubber()
    users = f"{API}/v2/orgs/{sandbox.organization}/users"
    for exchange in (
        Exchange.api_token(Sandbox.token),
        Exchange.oauth_app(Sandbox.client_id, Sandbox.client_secret, scrubber),
    ):
        session = await session_at(stack, sandbox.url, exchange, scrubber)
        assert (await session.read(users, gate="GET users")).status == 200
        sandbox.expire_tokens()
        assert (await session.read(users, gate="GET users")).status == 200


def test_no_representation_shows_a_secret() -> None:
    """Not in a traceback, not in a debugger's list."""
    text = repr([Exchange.api_token("api-token-1"), Exchange.oauth_app("app-1", "s3cret-s3cret", Scrubber())])
    assert "api-token-1" not in text
    assert "s3cret" not in text
    assert "Basic" not in text
