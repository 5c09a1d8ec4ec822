"""What is told when a run has ended: a command is run, or an address gets the summary. Neither changes how it ended."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import anyio
from anyio.abc import Process

from bulkops.config import Config
from bulkops.errors import BulkopsError, ConfigError

LIMIT_S = 60.0
"""So long a command may run or an address take for its answer; then it is called off."""

_GRACE_S = 2.0
_MAX_REASON = 4_000  # characters; the system limits what an environment may hold
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OFFICIAL = (
    "ANYPOINT_BEARER",
    "ANYPOINT_CLIENT_ID",
    "ANYPOINT_CLIENT_SECRET",
    "ANYPOINT_USERNAME",
    "ANYPOINT_PASSWORD",
)
_TOLD = ("run_id", "state", "operation", "target", "run_dir", "failures_file", "report_file", "next_command", "reason")


@dataclass(frozen=True, slots=True)
class Finish:
    """A command as its words, an address, the variable of the environment that holds one; or nothing at all."""

    command: tuple[str, ...] = ()
    address: str | None = None
    variable: str | None = None

    def __bool__(self) -> bool:
        """Whether anybody is to be told."""
        return bool(self.command or self.address or self.variable)

    def in_full(self) -> str:
        """For whoever looks at a job file before it is run: a command with all of its words."""
        return f"the command {shlex.join(self.command)}" if self.command else str(self)

    def __str__(self) -> str:
        """For the screen and the log: of an address only its host, since the rest may be a secret."""
        if self.command:
            return f"the command {self.command[0]}"
        if self.address is not None:
            return f"a message to {urlsplit(self.address).hostname}"
        return f"a message to the address in ${self.variable}"


def parse_finish(value: object) -> Finish:
    """An address, `env:NAME`, `none`, or a command: a list of words, or a text that is parted into them like a shell's.

    No shell runs it: quotes group, nothing is expanded. Raises ConfigError for anything else.
    """
    if isinstance(value, list):
        if not value or not all(isinstance(word, str) and "\0" not in word for word in value) or not value[0]:
            raise ConfigError('on_finish: expected the words of a command, such as ["notify", "--team", "ops"]')
        return Finish(command=tuple(value))
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        raise ConfigError(f"on_finish: expected a command, an http(s) address or env:NAME, not {type(value).__name__}")
    text = value.strip()
    if re.match(r"(?i)https?:", text):
        return Finish(address=_address(text, "on_finish"))
    if text == "none":
        return Finish()
    if text.startswith("env:"):
        if not _VARIABLE.fullmatch(text[4:]):
            raise ConfigError("on_finish: env: needs the name of a variable of the environment, such as env:TEAM_HOOK")
        return Finish(variable=text[4:])
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ConfigError(f"on_finish: the command cannot be parted into words: {error}") from None
    if not words or not words[0]:
        raise ConfigError("on_finish: the command is empty")
    return Finish(command=tuple(words))


def _address(text: str, where: str) -> str:
    """`text` as an address. What is wrong is said without the address, which may be a secret."""
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise ConfigError(f"{where}: the address cannot be read") from None
    if parts.scheme.lower() not in {"http", "https"} or not parts.hostname or not text.isprintable() or " " in text:
        raise ConfigError(f"{where}: expected an address such as https://hooks.example/bulk")
    if parts.username is not None or parts.password is not None:
        raise ConfigError(f"{where}: the address holds credentials before its host: take them out")
    return text


def secret_variables(config: Config) -> frozenset[str]:
    """The variables that hold secrets of targets: what is run at the end has no business with them."""
    named = (
        value
        for target in config.targets.values()
        if target.auth is not None
        for key, value in target.auth.model_dump().items()
        if key.endswith("_env") and value
    )
    return frozenset({*named, *_OFFICIAL})


def environment(
    told: Mapping[str, Any], *, job: str | None, exit_code: int, environ: Mapping[str, str], hidden: Collection[str]
) -> dict[str, str]:
    """What the command finds in its environment: ours without `hidden`, and the run's facts as `BULKOPS_...`."""
    facts = {**{name: told.get(name) for name in _TOLD}, **told["counts"], "job": job, "exit": exit_code}
    added = {
        f"BULKOPS_{name.upper()}": "" if value is None else str(value).replace("\0", "")[:_MAX_REASON]
        for name, value in facts.items()
    }
    return {**{name: value for name, value in environ.items() if name not in hidden}, **added}


async def finish(
    what: Finish,
    told: Mapping[str, Any],
    *,
    job: str | None,
    exit_code: int,
    environ: Mapping[str, str],
    hidden: Collection[str] = (),
    limit_s: float = LIMIT_S,
) -> str | None:
    """Run the command or post `told`; None when that went well, else what went wrong, without a secret.

    A signal, as the time limit, calls it off. Nothing is raised.
    """
    failed: list[str | None] = []
    cut: list[str] = []
    with anyio.move_on_after(limit_s) as limit:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_watch, tasks.cancel_scope, cut)
            try:
                if what.command:
                    given = environment(told, job=job, exit_code=exit_code, environ=environ, hidden=hidden)
                    failed.append(await _run(what.command, _body(told, job, exit_code), given))
                else:
                    failed.append(await _post(_destination(what, environ), _body(told, job, exit_code)))
            except BulkopsError as error:
                failed.append(str(error))
            except Exception as error:  # noqa: BLE001 - whatever it is, the run has ended as it has
                failed.append(f"{type(error).__name__}")
            tasks.cancel_scope.cancel()
    if failed:
        return failed[0]
    return f"called off by {cut[0]}" if cut and not limit.cancelled_caught else f"called off after {limit_s:g} s"


def _body(told: Mapping[str, Any], job: str | None, exit_code: int) -> bytes:
    return json.dumps({**told, "job": job, "exit": exit_code}, ensure_ascii=False).encode("utf-8", "replace")


def _destination(what: Finish, environ: Mapping[str, str]) -> str:
    if what.address is not None:
        return what.address
    found = environ.get(what.variable or "", "").strip()
    if not found:
        raise ConfigError(f"${what.variable} is not set")
    return _address(found, f"${what.variable}")


async def _watch(scope: anyio.CancelScope, cut: list[str]) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for signum in signals:
            cut.append(signal.Signals(signum).name)
            scope.cancel()


async def _run(command: tuple[str, ...], body: bytes, environ: Mapping[str, str]) -> str | None:
    """Run `command` with `body` on its standard input; what it prints goes to our standard error."""
    try:
        process = await anyio.open_process(
            command,
            stdin=subprocess.PIPE,
            stdout=_screen(),
            stderr=_screen(),
            env=environ,
            start_new_session=True,  # Ctrl-C is ours to pass on, and all that it starts ends with it
        )
    except (OSError, ValueError) as error:
        return f"cannot be started: {getattr(error, 'strerror', None) or error}"
    async with process, _ended(process):
        if process.stdin is not None:
            with contextlib.suppress(anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):  # it need not read
                await process.stdin.send(body)
            with contextlib.suppress(anyio.BrokenResourceError, OSError):
                await process.stdin.aclose()
        status = await process.wait()
    if status == 0:
        return None
    return f"ended by {signal.Signals(-status).name}" if status < 0 else f"ended with exit code {status}"


def _screen() -> int:
    try:
        return sys.stderr.fileno()
    except (AttributeError, OSError, ValueError):
        return subprocess.DEVNULL


@contextlib.asynccontextmanager
async def _ended(process: Process) -> AsyncIterator[None]:
    """Whatever ends the block early, the process and what it started are ended."""
    try:
        yield
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)


async def _post(address: str, body: bytes) -> str | None:
    import aiohttp  # noqa: PLC0415 - only who posts pays for it

    from bulkops.transport.faults import proxy_for  # noqa: PLC0415

    try:
        async with (
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), proxy=proxy_for(address)) as http,
            http.post(
                address,
                data=body,
                headers={"Content-Type": "application/json; charset=utf-8", "User-Agent": "bulkops"},
                allow_redirects=False,  # it would be followed with a GET, which tells nobody anything
            ) as answer,
        ):
            return None if answer.status < 300 else f"answered with HTTP {answer.status}"
    except aiohttp.ClientConnectorError as error:
        return f"cannot be reached: {error.os_error.strerror or 'no connection'}"
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        return f"gave no answer ({type(error).__name__})"
