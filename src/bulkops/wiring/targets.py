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

from pydantic import ValidationError

from bulkops.config import TargetConfig, explain
from bulkops.errors import ConfigError, RefusedError
from bulkops.policy import BreakerLimits
from bulkops.providers import anypoint, vmware_csp, wiremock_cloud
from bulkops.providers.adapter import Adapter, Given, ProviderOptions
from bulkops.providers.base import OperationSupport, Organization
from bulkops.transport import (
    Book,
    Credentials,
    Gates,
    MemoryBook,
    Rate,
    Scrubber,
    Session,
    SessionOptions,
    SharedBook,
    Timeouts,
)
from bulkops.wiring.folder import make_private

SANDBOX_TOKEN = "sandbox-token"  # noqa: S105 - the simulator's published constant, worth nothing elsewhere

ADAPTERS: Mapping[str, Adapter] = {
    one.name: one for one in (anypoint.ADAPTER, vmware_csp.ADAPTER, wiremock_cloud.ADAPTER)
}

AVAILABLE: Mapping[str, Mapping[str, OperationSupport]] = {
    name: adapter.support(adapter.widest) for name, adapter in ADAPTERS.items()
}
"""All operations that each provider can have; some need an option of the target, which their support names."""


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the command line says about a target's ceilings; None leaves the configuration's."""

    rate: tuple[float, float] | None = None
    concurrency: int | None = None
    reserve: float | None = None


def adapter_of(target: TargetConfig) -> Adapter:
    """The provider that a target speaks to. Raises ConfigError for one that this version lacks."""
    if target.service not in ADAPTERS:
        raise ConfigError(f'provider "{target.service}" is not in this version; there are: {", ".join(ADAPTERS)}')
    return ADAPTERS[target.service]


def options_of(target: TargetConfig) -> ProviderOptions:
    """What the target's `options` say. Raises ConfigError, naming the key, the nearest known one, and what it takes."""
    model = adapter_of(target).options
    try:
        return model.model_validate(dict(target.options))
    except ValidationError as error:
        faults = "; ".join(explain(error, list(model.model_fields)))
        raise ConfigError(f"the options of this target cannot be used: {faults}") from None


def width_of(target: TargetConfig, overrides: Overrides) -> int:
    """The most calls in flight: what the command line says, else the target, else what suits its provider."""
    return overrides.concurrency or target.concurrency or adapter_of(target).width


def support_of(target: TargetConfig) -> Mapping[str, OperationSupport]:
    """The operations of a target's provider. Raises ConfigError as `adapter_of` and `options_of` do."""
    return adapter_of(target).support(options_of(target))


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
    adapter, provider_options = adapter_of(target), options_of(target)
    sandbox_state = _state_of(target, sandbox_state)
    if known:
        _require_known(target, sandbox_state)
    async with contextlib.AsyncExitStack() as stack:
        endpoint = await _endpoint(target, adapter, sandbox_state, stack)
        width = width_of(target, overrides)
        gates = Gates(
            rate=_rate(overrides.rate or target.rate),
            reserve=target.reserve if overrides.reserve is None else overrides.reserve,
            ceiling=width,
            book=_book(target, endpoint),
            breaker=BreakerLimits(give_up_s=target.give_up_s),
        )
        options = SessionOptions(
            base_url=endpoint.base_url,
            profile=adapter.profile,
            timeouts=Timeouts(total_s=target.timeout_s),
            tls=_tls(target),
        )
        session = _session(target, adapter, endpoint, options, gates, scrubber, environ)
        settling_s = adapter.settling_s if target.settling_s is None else target.settling_s
        organization = adapter.open(session, endpoint.organization, settling_s=settling_s, options=provider_options)
        organization.caution = adapter.caution(endpoint.base_url)
        yield await stack.enter_async_context(organization)


def unopened(target: TargetConfig) -> Organization:
    """The target's organisation as far as it is known without a call. It may not be called."""
    adapter = adapter_of(target)
    session = Session(
        SessionOptions(base_url=target.base_url or next(iter(adapter.hosts.values())), profile=adapter.profile),
        credentials=None,
        gates=Gates(),
        scrubber=Scrubber(),
    )
    return adapter.open(session, target.organization or "", settling_s=adapter.settling_s, options=options_of(target))


def _state_of(target: TargetConfig, given: Path) -> Path:
    """The file of an embedded sandbox's state: one for each organisation that is simulated."""
    named = [part for part in (target.vendor, target.organization) if part is not None]
    return given.with_stem("-".join([given.stem, *named])) if named else given


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
    adapter: Adapter,
    endpoint: Endpoint,
    options: SessionOptions,
    gates: Gates,
    scrubber: Scrubber,
    environ: Mapping[str, str],
) -> Session:
    opened: list[Session] = []
    credentials = _credentials(target, adapter, endpoint, scrubber, environ, opened)
    session = Session(options, credentials=credentials, gates=gates, scrubber=scrubber)
    opened.append(session)  # a login goes through the same session, which is made only now
    return session


def _credentials(
    target: TargetConfig,
    adapter: Adapter,
    endpoint: Endpoint,
    scrubber: Scrubber,
    environ: Mapping[str, str],
    opened: list[Session],
) -> Credentials:
    auth = target.auth
    if auth is None:
        method, name = adapter.simple
        secrets = {name: endpoint.token or SANDBOX_TOKEN}
    else:
        method, secrets = auth.method, {k: v.get_secret_value() for k, v in auth.secrets(environ).items()}
    for name, secret in secrets.items():
        if name != "username":
            scrubber.add(secret)
    source_of = auth.source_of if auth is not None else lambda _name: "the sandbox"
    return adapter.credentials(Given(method, secrets, source_of, lambda: opened[0], scrubber))


async def _endpoint(
    target: TargetConfig, adapter: Adapter, sandbox_state: Path, stack: contextlib.AsyncExitStack
) -> Endpoint:
    if target.provider == "sandbox" and target.base_url is None:
        return stack.enter_context(_embedded_sandbox(sandbox_state, target))
    organization = target.organization
    if organization is None:
        raise ConfigError("organization is missing: the id that `bulkops sandbox` printed at its start")
    if target.base_url is not None:
        return Endpoint(target.base_url, organization)
    region = (target.region or next(iter(adapter.hosts))).lower()
    if region not in adapter.hosts:
        raise ConfigError(f"unknown region {region!r}; there are: {', '.join(adapter.hosts)}; or write base_url")
    return Endpoint(adapter.hosts[region], organization)


@contextlib.contextmanager
def _embedded_sandbox(state: Path, target: TargetConfig) -> Iterator[Endpoint]:
    """The simulator in a process of its own; it ends when this one does, however that happens (its stdin closes)."""
    try:
        make_private(state.parent)
    except OSError as error:
        raise ConfigError(f"the sandbox's folder {state.parent} cannot be made: {error.strerror or error}") from error
    command = [
        sys.executable, "-m", "bulkops.sandbox",
        "--port", "0", "--json", "--exit-on-eof", "--state", str(state), "--vendor", target.service,
        *(["--organization", target.organization] if target.organization is not None else []),
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
