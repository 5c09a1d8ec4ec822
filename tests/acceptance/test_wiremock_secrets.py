"""An API key is written nowhere: not ours, however the service gives it back, nor anybody else's that it shows."""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Iterator

import pytest

from bulkops.testing.between import Bend, Between, Forward, between, typed
from bulkops.testing.processes import Ended, Shell
from bulkops.testing.wire import Heard, Speaker, answer
from bulkops.transport import MASK

KEYS = {
    "modern": "wmcp_9f8e7d6c5b4a3c2d1e0f",
    "legacy": "0a1b2c3d/4e5f+6071=8293",
}
OTHERS = "wmcp_55667788aabbccdd"
ADDRESSES = [f"{what}.{number}@new.test" for what in ("refused", "fine", "lost", "torn") for number in range(2)]
CONFIG = """
[targets.acme]
provider = "wiremock-cloud"
organization = "{organization}"
base_url = "{url}"
settling_s = 0.05
[targets.acme.options]
undocumented_invitation_calls = true
undocumented_role_calls = true
[targets.acme.auth]
method = "api-key"
{auth}
"""
AUTHS = {"bare": 'api_key_env = "KEY"', "with the word": 'api_key_file = "key.txt"'}


def gossip(heard: Heard, key: str) -> str:
    """What the service knows of the caller, in the forms that a message may have."""
    forms = [heard.headers.get("authorization", ""), key, json.dumps(json.dumps(key)), f"known keys: {OTHERS}"]
    forms += [f"Basic {b64encode(f'admin:{key}'.encode()).decode()}"]
    forms += [b64encode(("x" * before + key).encode()).decode() for before in range(3)]
    return " | ".join(forms)


def gossiping(key: str) -> Bend:
    """Answers most writes with all that it has heard, and shows a key in its listings."""

    async def bend(heard: Heard, speaker: Speaker, forward: Forward) -> None:
        told = gossip(heard, key)
        headers = {"X-Request-Id": f"trx {heard.headers.get('authorization', '')}"}
        if heard.method == "POST" and b"refused" in heard.body:
            error = {"title": f"no: {told}", "detail": told, "code": key, "source": {}}
            await speaker.say(answer(400, {"errors": [error]}, headers=headers))
        elif heard.method == "POST" and b"lost" in heard.body:
            await forward(heard)
            await speaker.say(answer(502, told.encode(), kind="text/plain", headers=headers))
        elif heard.method == "POST" and b"torn" in heard.body:
            await forward(heard)
            await speaker.say(f"HTTP/1.1 {told}\r\n\r\n".encode())
            speaker.hang_up()
        elif heard.path.endswith("/self"):
            await speaker.say(answer(307, headers={**headers, "Location": f"/v1/users/{await _self(heard, forward)}"}))
        else:
            status, body = await forward(heard)
            shown = {**json.loads(body), "apiToken": key, "api_key": OTHERS} if body else b""
            await speaker.say(answer(status, shown, headers=headers))

    return bend


async def _self(heard: Heard, forward: Forward) -> str:
    _, body = await forward(Heard("GET", "/v1/organisations/acm3g/users?q=admin@acme.test", heard.headers, b""))
    return str(json.loads(body)["users"][0]["id"])


def written(shell: Shell, *endings: Ended) -> Iterator[tuple[str, str]]:
    """Everything that commands left behind or said, by name."""
    yield "stdout", "".join(one.out for one in endings)
    yield "stderr", "".join(one.err for one in endings)
    for path in (shell.folder / ".bulkops").rglob("*"):
        if path.is_file():
            yield path.name, path.read_bytes().decode("utf-8", "replace")


def readings(text: str) -> Iterator[str]:
    """A text as it stands, and as whoever undoes Base64 or a backslash reads it."""
    yield from (text, text.replace("\\/", "/").replace("\\", ""))
    for run in re.findall(r"[A-Za-z0-9+/_-]{8,}", text):
        for start in range(4):
            part = run[start:].replace("-", "+").replace("_", "/")
            yield b64decode(part[: len(part) // 4 * 4]).decode("utf-8", "replace")


def found_in(shell: Shell, key: str, *endings: Ended) -> list[str]:
    """Where a key, or more than its first half, can be read."""
    secrets = (key[: len(key) // 2 + 2], OTHERS[: len(OTHERS) // 2 + 2])
    return [
        f"{secret}… in {name}"
        for name, text in written(shell, *endings)
        for read in ["\n".join(readings(text))]
        for secret in secrets
        if secret in read
    ]


def set_up(shell: Shell, site: Between, key: str, auth: str) -> None:
    """A target at the gossip, and a job."""
    config = CONFIG.format(organization=site.sandbox.organization, url=site.wire.url, auth=auth)
    shell.write("bulkops.toml", config)
    shell.environ["KEY"] = key
    shell.write("key.txt", f"Token {key}\n")
    shell.write("job.csv", "email,role\n" + "".join(f"{one},organisation_member\n" for one in ADDRESSES))


LOUD = ("--yes", "--json", "--log-level", "debug", "--log-format", "json")


@pytest.mark.parametrize("auth", AUTHS)
@pytest.mark.parametrize("kind", KEYS)
async def test_no_key_is_left_behind_or_said(shell: Shell, kind: str, auth: str) -> None:
    """Run, refused, lost, torn and read back, at the loudest log level, shown and retried."""
    key = KEYS[kind]
    async with between(gossiping(key), scheme="Token", vendor="wiremock-cloud") as site:
        set_up(shell, site, key, AUTHS[auth])
        endings = [await typed(shell, "check", "--json")]
        endings.append(await typed(shell, "run", "job.csv", "--operation", "invite", "--run-id", "r", *LOUD))
        counts = endings[-1].told["counts"]
        assert (counts["succeeded"], counts["failed"]) == (6, 2), endings[-1].err
        endings += [await typed(shell, "retry", "r", *LOUD), await typed(shell, "show", "r")]
        assert found_in(shell, key, *endings) == []
        assert MASK in (shell.folder / ".bulkops" / "runs" / "r" / "results.csv").read_text()
        assert {heard.headers["authorization"] for heard in site.wire.heard} == {f"Token {key}"}


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize(("status", "code"), [(401, 5), (403, 5), (404, 2), (307, 4)])
async def test_no_key_is_in_the_reason_of_an_early_end(shell: Shell, kind: str, status: int, code: int) -> None:
    """Refused with the words of the host, in plain text, or sent elsewhere."""
    key = KEYS[kind]

    async def bend(heard: Heard, speaker: Speaker, forward: Forward) -> None:
        headers = {"Location": f"https://elsewhere.test/?token={key}"} if status == 307 else {}
        await speaker.say(answer(status, gossip(heard, key).encode(), kind="text/plain", headers=headers))

    async with between(bend, scheme="Token", vendor="wiremock-cloud") as site:
        set_up(shell, site, key, AUTHS["bare"])
        ended = await typed(shell, "check", "--json")
    assert ended.code == code, ended.err
    read = "\n".join(readings(ended.out + ended.err))
    assert key[: len(key) // 2 + 2] not in read
    assert OTHERS[: len(OTHERS) // 2 + 2] not in read
