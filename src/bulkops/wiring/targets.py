"""Opening a target: its credentials, its gates, its session, its provider."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import ssl
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from bulkops.config import TargetConfig
from bulkops.errors import ConfigError, RefusedError
from bulkops.policy import BreakerLimits
from bulkops.providers.anypoint import PROFILE, REGIONS, SUPPORT, AnypointOrganization, Login, issuer
from bulkops.providers.base import OperationSupport, Organization
from bulkops.transport import (
    Book,
    Credentials,
    Gates,
    IssuedToken,
    MemoryBook,
    Rate,
    Scrubber,
    Session,
    SessionOptions,
    SharedBook,
    StaticToken,
    Timeouts,
)
from bulkops.wiring.folder import make_private

SANDBOX_TOKEN = "sandbox-token"  # noqa: S105 - the simulator's published constant, worth nothing elsewhere

WIDTH = 16
"""So many calls may be in flight where nothing says otherwise; how many are, the server's answers decide."""

AVAILABLE: Mapping[str, Mapping[str, OperationSupport]] = {"anypoint": SUPPORT, "sandbox": SUPPORT}


def support_of(provider: str) -> Mapping[str, OperationSupport]:
    """The operations of a provider. Raises ConfigError for one that this version lacks."""
    if provider not in AVAILABLE:
        raise ConfigError(f'provider "{provider}" is not in this version; there are: {", ".join(AVAILABLE)}')
    return AVAILABLE[provider]


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the command line says about a target's ceilings; None leaves the configuration's."""

    rate: tuple[float, float] | None = None
    concurrency: int | None = None
    reserve: float | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a target answers, and which organisation is meant."""

    base_url: str
    organization: str
    token: str | None = None


@contextlib.asynccontextmanager
async def open_organization(
    target: TargetConfig,
    *,
    scrubber: Scrubber,
    overrides: Overrides,
    sandbox_state: Path,
    environ: Mapping[str, str],
    known: bool = False,
) -> AsyncIterator[Organization]:
    """The target's organisation, ready for calls. An embedded sandbox runs as long as this is open.

    `known` asks for the embedded organisation that `sandbox_state` holds already: a new one would be another.
    Raises ConfigError for secrets that are not there and for a sandbox that does not start, RefusedError for an
    embedded one that another run is using.
    """
    support_of(target.provider)
    if known:
        _require_known(target, sandbox_state)
    async with contextlib.AsyncExitStack() as stack:
        endpoint = await _endpoint(target, sandbox_state, stack)
        width = overrides.concurrency or target.concurrency or WIDTH
        gates = Gates(
            rate=_rate(overrides.rate or target.rate),
            reserve=target.reserve if overrides.reserve is None else overrides.reserve,
            ceiling=width,
            book=_book(target, endpoint),
            breaker=BreakerLimits(give_up_s=target.give_up_s),
        )
        options = SessionOptions(
            base_url=endpoint.base_url,
            profile=PROFILE,
            timeouts=Timeouts(total_s=target.timeout_s),
            connections=width + 8,
            tls=_tls(target),
        )
        session = _session(target, endpoint, options, gates, scrubber, environ)
        settling_s = 5.0 if target.settling_s is None else target.settling_s
        yield await stack.enter_async_context(
            AnypointOrganization(session, endpoint.organization, settling_s=settling_s)
        )


def _book(target: TargetConfig, endpoint: Endpoint) -> Book:
    """Where the quota is kept: shared by all runs of the user, but for a simulator that only this run has."""
    if target.provider == "sandbox" and target.base_url is None:
        return MemoryBook()
    from platformdirs import user_state_path  # noqa: PLC0415 - only what calls a service needs it

    account = f"{endpoint.base_url}\n{endpoint.organization}"
    return SharedBook(user_state_path("bulkops") / "quota.sqlite", account=account)


def _require_known(target: TargetConfig, sandbox_state: Path) -> None:
    if target.provider == "sandbox" and target.base_url is None and not sandbox_state.exists():
        raise ConfigError(
            f"the embedded sandbox of this run is not here any more ({sandbox_state}): its people are in no other one"
        )


def _session(
    target: TargetConfig,
    endpoint: Endpoint,
    options: SessionOptions,
    gates: Gates,
    scrubber: Scrubber,
    environ: Mapping[str, str],
) -> Session:
    opened: list[Session] = []
    credentials = _credentials(target, endpoint, scrubber, environ, opened)
    session = Session(options, credentials=credentials, gates=gates, scrubber=scrubber)
    opened.append(session)  # a login goes through the same session, which is made only now
    return session


def _credentials(
    target: TargetConfig,
    endpoint: Endpoint,
    scrubber: Scrubber,
    environ: Mapping[str, str],
    opened: list[Session],
) -> Credentials:
    auth = target.auth
    if auth is None:
        token = endpoint.token or SANDBOX_TOKEN
        scrubber.add(token)
        return StaticToken(f"Bearer {token}", named="the sandbox")
    secrets = {name: secret.get_secret_value() for name, secret in auth.secrets(environ).items()}
    for name, secret in secrets.items():
        if name != "username":
            scrubber.add(secret)
    match auth.method:
        case "bearer":
            return StaticToken(f"Bearer {secrets['token']}", named=auth.source_of("token"))
        case "connected-app":
            login = Login.connected_app(secrets["client_id"], secrets["client_secret"])
        case _:
            login = Login.password(secrets["username"], secrets["password"])
    return IssuedToken(issuer(login, lambda: opened[0], scrubber))


async def _endpoint(target: TargetConfig, sandbox_state: Path, stack: contextlib.AsyncExitStack) -> Endpoint:
    if target.provider == "sandbox" and target.base_url is None:
        return stack.enter_context(_embedded_sandbox(sandbox_state))
    organization = target.organization
    if organization is None:
        raise ConfigError("organization is missing: the id that `bulkops sandbox` printed at its start")
    if target.base_url is not None:
        return Endpoint(target.base_url, organization)
    region = (target.region or "us").lower()
    if region not in REGIONS:
        raise ConfigError(f"unknown region {region!r}; there are: {', '.join(REGIONS)}; or write base_url")
    return Endpoint(REGIONS[region], organization)


@contextlib.contextmanager
def _embedded_sandbox(state: Path) -> Iterator[Endpoint]:
    """The simulator in a process of its own; it ends when this one does, however that happens (its stdin closes)."""
    try:
        make_private(state.parent)
    except OSError as error:
        raise ConfigError(f"the sandbox's folder {state.parent} cannot be made: {error.strerror or error}") from error
    command = [
        sys.executable, "-m", "bulkops.sandbox",
        "--port", "0", "--json", "--exit-on-eof", "--state", str(state),
        *shlex.split(os.environ.get("BULKOPS_SANDBOX_OPTIONS", "")),
    ]  # fmt: skip
    complaints = tempfile.TemporaryFile()  # noqa: SIM115 - a pipe that nobody reads would fill up and block it
    process = subprocess.Popen(  # noqa: S603 - our own module
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=complaints,
        start_new_session=True,  # Ctrl-C is for the run, which still needs its server to finish what is in flight
    )
    try:
        yield _announced(process, complaints)
    finally:
        if process.stdin is not None:
            process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=5)
        if process.poll() is None:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
        complaints.close()


def _announced(process: subprocess.Popen[bytes], complaints: IO[bytes]) -> Endpoint:
    """What the simulator printed when it began to listen."""
    line = process.stdout.readline() if process.stdout else b""
    try:
        told = json.loads(line)
        return Endpoint(told["url"], told["organization"], told["token"])
    except (ValueError, KeyError, TypeError):
        process.kill()
        process.wait()
    complaints.seek(0)
    lines = complaints.read().decode("utf-8", "replace").strip().splitlines()
    text = lines[-1] if lines else "it said nothing"
    if "in use" in text:
        raise RefusedError(
            f"another run works on the embedded sandbox ({text}): wait for it, or use another --runs-dir"
        )
    raise ConfigError(f"the embedded sandbox did not start: {text}")


def _rate(rate: tuple[float, float] | None) -> Rate | None:
    return Rate(*rate) if rate is not None else None


def _tls(target: TargetConfig) -> ssl.SSLContext | None:
    if target.ca_file is None:
        return None
    try:
        return ssl.create_default_context(cafile=str(target.ca_file.expanduser()))
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"ca_file {target.ca_file}: {getattr(error, 'strerror', None) or error}") from error
