"""Tokens: one renewal for all, refusals in words, and nothing of them anywhere else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from bulkops.errors import AccessError, StoppedError
from bulkops.providers.anypoint import PROFILE, Login, issuer
from bulkops.sandbox import Sandbox, SandboxOptions
from bulkops.testing.wire import Heard, Speaker, Wire, answer
from bulkops.transport import Gates, IssuedToken, Scrubber, Session, SessionOptions, StaticToken, Timeouts, Token

TOKEN_CALL = "/oauth2/token"


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """A small organisation."""
    async with Sandbox(SandboxOptions(people=10)) as running:
        yield running


@pytest.fixture
def sign_in(stack: AsyncExitStack) -> Callable[..., Any]:
    """Opens a session that logs in as a connected app."""

    async def begin(url: str, secret: str = Sandbox.client_secret) -> Session:
        opened: list[Session] = []
        scrubber = Scrubber()
        login = Login.connected_app(Sandbox.client_id, secret)
        credentials = IssuedToken(issuer(login, lambda: opened[0], scrubber))
        quick = Timeouts(read_tries=3, backoff_base_s=0.001, backoff_cap_s=0.002)
        options = SessionOptions(base_url=url, profile=PROFILE, timeouts=quick)
        opened.append(Session(options, credentials=credentials, gates=Gates(), scrubber=scrubber))
        return await stack.enter_async_context(opened[0])

    return begin


def members(sandbox: Sandbox) -> str:
    return f"/accounts/api/organizations/{sandbox.organization}/members"


async def test_twenty_workers_that_find_the_token_expired_log_in_once(sandbox: Sandbox, sign_in: Any) -> None:
    """Whoever comes second finds the new token, and every call is answered."""
    live = await sign_in(sandbox.url)
    await live.read(members(sandbox), gate="GET members")
    sandbox.expire_tokens()
    answers = await asyncio.gather(*(live.read(members(sandbox), gate="GET members") for _ in range(20)))
    assert [one.status for one in answers] == [200] * 20
    assert len(sandbox.requests.matching("POST", TOKEN_CALL)) == 2


async def test_the_first_twenty_calls_log_in_once(sandbox: Sandbox, sign_in: Any) -> None:
    """There is no token yet, and one login gets it for all."""
    live = await sign_in(sandbox.url)
    await asyncio.gather(*(live.read(members(sandbox), gate="GET members") for _ in range(20)))
    assert len(sandbox.requests.matching("POST", TOKEN_CALL)) == 1


async def test_a_wrong_secret_is_tried_once(sandbox: Sandbox, sign_in: Any) -> None:
    """Twenty workers with a wrong secret do not lock the account by twenty logins."""
    live = await sign_in(sandbox.url, "wrong-secret-9")
    calls = (live.read(members(sandbox), gate="GET members") for _ in range(20))
    errors = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(error, AccessError) and "connected app was refused" in str(error) for error in errors)
    assert not any("wrong-secret-9" in str(error) for error in errors)
    assert len(sandbox.requests.matching("POST", TOKEN_CALL)) == 1


async def test_a_401_to_a_fresh_token_means_that_the_right_is_missing(sandbox: Sandbox, sign_in: Any) -> None:
    """One renewal, one repetition, then the words for it: never a loop."""
    sandbox.change(quirks={"forbid": ["members:read"], "forbid_status": 401})
    live = await sign_in(sandbox.url)
    with pytest.raises(AccessError, match=r"401 also to a fresh token.*lacks the right"):
        await live.read(members(sandbox), gate="GET members")
    assert len(sandbox.requests.matching("POST", TOKEN_CALL)) == 2
    assert len(sandbox.requests.matching("GET", "/members")) == 2


async def test_a_write_with_an_expired_token_is_sent_again_with_a_fresh_one(
    sandbox: Sandbox, sign_in: Any, permit: Any
) -> None:
    """A refused credential applied nothing: the invitation leaves once, and is noted anew before it leaves again."""
    live = await sign_in(sandbox.url)
    await live.read(members(sandbox), gate="GET members")
    sandbox.expire_tokens()
    path = f"/accounts/api/organizations/{sandbox.organization}/invites"
    await live.write("POST", path, gate="POST invites", permit=permit, body=[{"email": "new@acme.test"}])
    assert sandbox.effects.count("invite_sent") == 1
    assert permit.order == ["begun", "begun"]


async def test_a_login_happens_before_the_write_is_noted(serve: Any, sign_in: Any, permit: Any) -> None:
    """What waits or fails before the write must not leave it in doubt."""

    async def script(heard: Heard, speaker: Speaker) -> None:
        permit.order.append(heard.path)
        await speaker.say(answer(200, {"access_token": "issued-token-1"} if "token" in heard.path else []))

    live = await sign_in((await serve(script)).url)
    await live.write("POST", "/things", gate="POST things", permit=permit, body=[])
    assert permit.order == ["/accounts/api/v2/oauth2/token", "begun", "/things"]


async def test_a_static_token_that_is_refused_is_named_by_its_variable(
    sandbox: Sandbox, connect: Any, permit: Any
) -> None:
    """It cannot be renewed; the message says what to replace, not what it is."""
    live = await connect(sandbox.url, credentials=StaticToken("Bearer stale-token-77", named="$ACME_TOKEN"))
    with pytest.raises(AccessError, match=r"token from \$ACME_TOKEN") as caught:
        await live.read(members(sandbox), gate="GET members")
    assert "stale-token-77" not in str(caught.value)
    with pytest.raises(AccessError):
        await live.write("POST", "/accounts/api/invites", gate="POST invites", permit=permit, body=[])
    assert len(sandbox.requests) == 2


async def test_credentials_that_are_missing_are_asked_for(sandbox: Sandbox, connect: Any) -> None:
    """A server that wants some says 401 to none."""
    live = await connect(sandbox.url)
    with pytest.raises(AccessError, match="none are configured"):
        await live.read(members(sandbox), gate="GET members")


async def test_a_read_without_the_right_stops_the_run(sandbox: Sandbox, sign_in: Any) -> None:
    """403 is not tried again."""
    sandbox.change(quirks={"forbid": ["members:read"]})
    live = await sign_in(sandbox.url)
    with pytest.raises(AccessError, match="lacks the right"):
        await live.read(members(sandbox), gate="GET members")
    assert len(sandbox.requests.matching("GET", "/members")) == 1


LOGIN_ANSWERS: list[tuple[bytes, type[Exception], str, int]] = [
    (answer(200, {"url": "https://mfa.example", "body": {}}), AccessError, "multi-factor", 1),
    (answer(302, b"", headers={"Location": "/mfa"}), AccessError, "multi-factor", 1),
    (answer(401, b"Unauthorized", kind="text/plain"), AccessError, "refused", 1),
    (answer(418, b"", kind="text/plain"), AccessError, "HTTP 418", 1),
    (answer(500, b"oops", kind="text/plain"), StoppedError, "login failed", 3),
    (answer(200, b"<html>", kind="text/html"), StoppedError, "could not be read", 3),
    (answer(200, b'{"access_token": "issued-tok'), StoppedError, "could not be read", 3),
]


@pytest.mark.parametrize(("said", "kind", "words", "calls"), LOGIN_ANSWERS)
async def test_a_login_without_a_token_is_explained(
    serve: Any, sign_in: Any, said: bytes, kind: type[Exception], words: str, calls: int
) -> None:
    """What is final is said at once; what may pass is tried again."""
    wire = await serve(said)
    live = await sign_in(wire.url)
    with pytest.raises(kind, match=words) as caught:
        await live.read("/things", gate="GET things")
    assert len(wire.heard) == calls
    assert "issued-tok" not in str(caught.value)


async def test_a_throttled_login_is_waited_for(serve: Any, sign_in: Any) -> None:
    """It costs no try."""
    says = [answer(429, b"", headers={"Retry-After": "0"})] * 5

    async def script(heard: Heard, speaker: Speaker) -> None:
        if "token" in heard.path and says:
            await speaker.say(says.pop())
        else:
            await speaker.say(answer(200, {"access_token": "issued-token-1"}))

    live = await sign_in((await serve(script)).url)
    assert (await live.read("/things", gate="GET things")).status == 200
    assert live.meter.throttled == 5


def test_no_representation_shows_a_secret() -> None:
    """Not in a traceback, not in a debugger's list."""
    login = Login.connected_app("client-1", "s3cret-s3cret")
    things = [
        Token("Bearer t0ken-t0ken"),
        StaticToken("Bearer t0ken-t0ken", named="$T"),
        login,
        Login.password("ada", "s3cret-s3cret"),
        IssuedToken(issuer(login, lambda: None, Scrubber())),  # type: ignore[arg-type, return-value]
    ]
    text = repr(things)
    assert "s3cret" not in text
    assert "t0ken" not in text


async def test_what_the_provider_echoes_of_a_secret_is_masked(serve: Any, sign_in: Any, permit: Any) -> None:
    """Also inside a JSON message, and also what it issued itself."""

    async def script(heard: Heard, speaker: Speaker) -> None:
        if "token" in heard.path:
            await speaker.say(answer(200, {"access_token": "issued-token-1"}))
        else:
            await speaker.say(
                answer(400, {"message": f"cannot use {heard.headers['authorization']} or issued-token-1"})
            )

    live = await sign_in((await serve(script)).url)
    with pytest.raises(Exception, match="cannot use") as caught:
        await live.write("POST", "/things", gate="POST things", permit=permit, body=[])
    assert "issued-token-1" not in str(caught.value)


async def test_the_users_netrc_is_left_alone(
    serve: Any, connect: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through a proxy from the environment, with its credentials: ours are sent as they are, and no others."""
    (tmp_path / "netrc").write_text("default login somebody password else\n")
    wire: Wire = await serve(answer(200, {}))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("http_proxy", wire.url.replace("//", "//us%40er:pa%3Ass@"))
    monkeypatch.setenv("no_proxy", "")
    live = await connect("http://directory.invalid", credentials=StaticToken("Bearer ours", named="$T"))
    await live.read("/things", gate="GET things")
    await live.login("/login", {})
    read, login = wire.heard
    assert read.target == "http://directory.invalid/things"
    assert read.headers["authorization"] == "Bearer ours"
    assert read.headers["proxy-authorization"] == "Basic dXNAZXI6cGE6c3M="
    assert "authorization" not in login.headers


async def test_a_proxy_that_does_not_connect_carried_nothing(
    serve: Any, connect: Any, permit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The write may be sent again; loopback goes past the proxy altogether."""
    proxy: Wire = await serve(answer(502, b""))
    monkeypatch.setenv("https_proxy", proxy.url)
    monkeypatch.setenv("http_proxy", proxy.url)
    monkeypatch.setenv("no_proxy", "")
    live = await connect("https://directory.invalid")
    with pytest.raises(Exception, match=r"the proxy does not connect to https://directory.invalid: HTTP 502"):
        await live.write("POST", "/things", gate="POST things", permit=permit, body=[])
    local: Wire = await serve(answer(200, {}))
    await (await connect(local.url)).read("/things", gate="GET things")
    assert (len(proxy.heard), len(local.heard)) == (1, 1)
