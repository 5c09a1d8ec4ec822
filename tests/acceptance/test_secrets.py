"""No secret is written anywhere: not what is configured, nor what is issued, however a provider gives it back."""

from __future__ import annotations

import asyncio
import html
import json
import re
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, unquote_plus

import pytest

from bulkops.testing.between import Bend, Between, Forward, between, configured, typed
from bulkops.testing.processes import Ended, Shell
from bulkops.testing.wire import Heard, Speaker, answer
from bulkops.transport import MASK

TOKEN = "tok.9f8e7d6c/5b4a+3c2d-1e0f"
CLIENT_ID = "app-77aa66bb55cc44dd"
CLIENT_SECRET = "cs/9f8e+7d6c&5b4a<3c2d>"
PASSWORD = 'pä55 "wörd"\\with /all+of=it&more'
ISSUED = "issued.0a1b2c3d4e5f/6071+8293"
REFRESH = "refresh-9182736455463728"
ID_TOKEN = "eyJhbGciOi.J1c2VyIjoiYWRh.c2lnbmF0dXJl"
CODE = "INVITE-5566778899aabb"
API_KEY = "apikey_00112233445566"
APP_SECRET = "listed-secret-8877665544"
SECRETS = (TOKEN, CLIENT_ID, CLIENT_SECRET, PASSWORD, ISSUED, REFRESH, ID_TOKEN, CODE, API_KEY, APP_SECRET)
ADDRESSES = [f"{what}.{number}@new.test" for what in ("refused", "fine", "lost", "torn") for number in range(3)]

AUTHS = {
    "anypoint": {
        "bearer": 'method = "bearer", token_env = "T"',
        "filed": 'method = "bearer", token_file = "token.txt"',
        "app": 'method = "connected-app", client_id_env = "I", client_secret_file = "secret.txt"',
        "user": 'method = "password", username_env = "U", password_env = "P"',
    },
    "vmware-csp": {
        "csp-bearer": 'method = "bearer", token_env = "T"',
        "csp-token": 'method = "api-token", api_token_file = "token.txt"',
        "csp-app": 'method = "oauth-app", client_id_env = "I", client_secret_file = "secret.txt"',
    },
}
TARGETS = [(vendor, target) for vendor, auths in AUTHS.items() for target in auths]
BASIC = b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
KNOWN = {
    "bearer": (TOKEN,),
    "filed": (TOKEN,),
    "app": (CLIENT_ID, CLIENT_SECRET, ISSUED),
    "user": (PASSWORD, ISSUED),
    "csp-bearer": (TOKEN,),
    "csp-token": (TOKEN, ISSUED),
    "csp-app": (CLIENT_ID, CLIENT_SECRET, BASIC, ISSUED),
}


def gossip(heard: Heard, known: Sequence[str]) -> str:
    """What the provider knows of the caller and of others, in every form that a message may have."""
    credentials = heard.headers.get("authorization", "") + " " + heard.body.decode("utf-8", "replace")
    named = {"code": CODE, "refresh_token": REFRESH, "id_token": ID_TOKEN, "api_key": API_KEY, "secret": APP_SECRET}
    told = [f"no: {credentials}", json.dumps(named)]
    for secret in known:
        told += [secret, quote(secret, safe=""), html.escape(secret), json.dumps(json.dumps(secret))]
        told += [b64encode(("x" * before + secret).encode()).decode() for before in range(3)]
    return " | ".join(told)


def gossiping(known: Sequence[str]) -> Bend:
    """Issues tokens, lists secrets, and answers most writes with all that it has heard."""

    async def bend(heard: Heard, speaker: Speaker, forward: Forward) -> None:
        token = heard.headers.get("authorization", "")
        echo = {"X-ANYPNT-TRX-ID": f"trx {token}"}
        writes = heard.method == "POST" and not heard.path.endswith("/search")
        refusal = {"status": 400, "requestId": f"trx {token}"}
        if heard.path.endswith(("/token", "/login", "/authorize")):
            issued = {"access_token": ISSUED, "refresh_token": REFRESH, "id_token": ID_TOKEN, "token_type": "bearer"}
            await speaker.say(answer(200, issued, headers=echo))
        elif writes and b"refused" in heard.body:
            await speaker.say(answer(400, refusal | {"message": gossip(heard, known)}, headers=echo))
        elif writes and b"lost" in heard.body:
            await forward(heard)
            await speaker.say(answer(502, gossip(heard, known).encode(), kind="text/plain", headers=echo))
        elif writes and b"torn" in heard.body:
            await forward(heard)
            await speaker.say(f"HTTP/1.1 {token}\r\n\r\n".encode())
            speaker.hang_up()
        else:
            status, body = await forward(heard)
            await speaker.say(answer(status, _with_secrets(json.loads(body)) if body else b"", headers=echo))

    return bend


def _with_secrets(body: Any) -> Any:
    listed = (body.get("data") or body.get("results")) if isinstance(body, dict) else body
    for row in listed if isinstance(listed, list) else ():
        row |= {"code": CODE, "client_secret": APP_SECRET, "api_key": API_KEY, "password": PASSWORD}
    return body


def office(shell: Shell, site: Between, vendor: str = "anypoint") -> Callable[..., Awaitable[Ended]]:
    """A folder with a target for each way to sign in, its secrets in variables and files; commands are typed in it."""
    configured(shell, site.wire.url, site.sandbox.organization, AUTHS[vendor], provider=vendor, settling_s=0.05)
    shell.environ.update(T=TOKEN, I=CLIENT_ID, U="admin", P=PASSWORD)
    shell.write("token.txt", f"Bearer {TOKEN}\n")
    shell.write("secret.txt", CLIENT_SECRET)
    shell.write("job.csv", "email\n" + "\n".join(ADDRESSES) + "\n")
    return partial(typed, shell)


def readings(text: str) -> Iterator[str]:
    """A text as it stands, and as whoever undoes an encoding reads it."""
    yield from (text, unquote(text), unquote_plus(text), html.unescape(text))
    once = re.sub(r'\\(["\\/])', r"\1", text)
    yield from (once, re.sub(r'\\(["\\/])', r"\1", once), re.sub(r"\\u00([0-9a-fA-F]{2})", _unicode, text))
    for run in re.findall(r"[A-Za-z0-9+/_-]{8,}", text):
        for start in range(4):
            part = run[start:].replace("-", "+").replace("_", "/")
            yield b64decode(part[: len(part) // 4 * 4]).decode("utf-8", "replace")


def _unicode(match: re.Match[str]) -> str:
    return chr(int(match[1], 16))


def found_in(folder: Path, *endings: Ended) -> list[str]:
    """Which secrets can be read in what commands left behind or said, and where."""
    written = {"stdout": "".join(one.out for one in endings), "stderr": "".join(one.err for one in endings)}
    for path in (folder / ".bulkops").rglob("*"):
        if path.is_file():
            written[path.name] = path.read_bytes().decode("utf-8", "replace")
    assert {"stdout", "ledger.sqlite", "log.jsonl", "job.json"} <= written.keys()
    return [f"{secret} in {name}" for name, text in written.items() for secret in seen_in(text)]


def seen_in(text: str) -> set[str]:
    """Which secrets, or first halves of them, can be read in `text`."""
    read = "\n".join(readings(text))
    return {secret for secret in SECRETS if secret[: len(secret) // 2 + 2] in read}


LOUD = ("--yes", "--json", "--batch-size", "3", "--log-level", "debug", "--log-format", "json")


@pytest.mark.parametrize(("vendor", "target"), TARGETS)
async def test_no_secret_is_left_behind_or_said(shell: Shell, vendor: str, target: str) -> None:
    """Run, refused, lost, torn and read back, at the loudest log level: none of them anywhere, however one signs in."""
    async with between(gossiping(KNOWN[target]), vendor=vendor) as site:
        ran = await office(shell, site, vendor)("run", "job.csv", "--run-id", "r", *_of(target), *LOUD)
        counts = ran.told["counts"]
        assert (counts["succeeded"], counts["failed"]) == (9, 3), ran.err
        assert found_in(shell.folder, ran) == []
        assert MASK in (shell.folder / ".bulkops" / "runs" / "r" / "results.csv").read_text()
        assert site.sent() == dict.fromkeys(ADDRESSES[3:], 1)


@pytest.mark.parametrize(("vendor", "target"), [("anypoint", "app"), ("vmware-csp", "csp-app")])
async def test_no_other_command_leaves_or_says_a_secret(shell: Shell, vendor: str, target: str) -> None:
    """Asked, planned, killed, taken up again, retried, shown and reported."""
    async with between(gossiping(KNOWN[target]), vendor=vendor) as site:
        command = office(shell, site, vendor)
        endings = [await command("check", "--target", target), await command("plan", "job.csv", *_of(target))]
        endings.append(await _killed(shell, site, target))
        assert found_in(shell.folder, *endings) == []
        endings += [await command(again, "r", *LOUD, "--rate", "1000/s") for again in ("resume", "retry")]
        endings += [await command(*words) for words in (("show", "r"), ("report", "r"), ("runs", "--json"))]
        assert found_in(shell.folder, *endings) == []
        assert site.sent() == dict.fromkeys(ADDRESSES[3:], 1)


async def _killed(shell: Shell, site: Between, target: str) -> Ended:
    """A run that was killed once a write was under way."""
    process = shell.start("run", "job.csv", "--run-id", "r", *_of(target), *LOUD, "--rate", "10/s")
    async with asyncio.timeout(30):
        while not any("/invit" in heard.path and heard.method == "POST" for heard in site.wire.heard):  # noqa: ASYNC110 - said by another process
            await asyncio.sleep(0.01)
    process.kill()
    out, err = process.communicate()
    assert process.returncode < 0
    return Ended(process.returncode, out, err)


def _of(target: str) -> tuple[str, ...]:
    return ("--operation", "invite", "--target", target)


@pytest.mark.parametrize(
    ("vendor", "target", "status", "code"),
    [
        ("anypoint", "app", 401, 5),
        ("anypoint", "user", 403, 5),
        ("anypoint", "bearer", 404, 2),
        ("vmware-csp", "csp-token", 400, 5),
        ("vmware-csp", "csp-app", 401, 5),
        ("vmware-csp", "csp-app", 403, 5),
        ("vmware-csp", "csp-bearer", 404, 2),
    ],
)
async def test_no_secret_is_in_the_reason_of_an_early_end(
    shell: Shell, vendor: str, target: str, status: int, code: int
) -> None:
    """Credentials refused, rights missing, a wrong organisation: each with the words of the host."""
    known = [secret for secret in KNOWN[target] if secret != ISSUED]

    async def bend(heard: Heard, speaker: Speaker, forward: Forward) -> None:
        await speaker.say(answer(status, gossip(heard, known).encode(), kind="text/plain"))

    async with between(bend, vendor=vendor) as site:
        ended = await office(shell, site, vendor)("check", "--target", target, "--json")
    assert ended.code == code, ended.err
    assert seen_in(ended.out + ended.err) == set()
    assert MASK in ended.err
