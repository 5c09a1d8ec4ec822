"""A sandbox: one simulated organisation behind a real socket."""

from collections.abc import Awaitable, Callable, Mapping
from inspect import signature
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from bulkops.sandbox.anypoint.vendor import Anypoint
from bulkops.sandbox.calls import Route, Vendor
from bulkops.sandbox.control import Control
from bulkops.sandbox.effects import EffectBook
from bulkops.sandbox.faults import FaultBook
from bulkops.sandbox.options import CLIENT_ID, CLIENT_SECRET, PASSWORD, TOKEN, USERNAME, SandboxError, SandboxOptions
from bulkops.sandbox.pipeline import Pipeline
from bulkops.sandbox.quota import Quota
from bulkops.sandbox.recording import RequestLog
from bulkops.sandbox.state import Journal
from bulkops.sandbox.vmware_csp.vendor import VmwareCsp
from bulkops.sandbox.wiremock_cloud.vendor import WiremockCloud

VENDORS: Mapping[str, Any] = {one.name: one for one in (Anypoint, VmwareCsp, WiremockCloud)}
"""The services that can be simulated, by the names that targets know them under."""

BASE_NAMES = ("organization", "people", "seed")

MAX_REQUEST_BYTES = 64 * 1024 * 1024  # the vendor's own cap is far below and answered by its rules


class Sandbox:
    """Serves from `start` to `stop`; also an async context manager.

    `effects`, `requests` and `faults` are the live objects behind the endpoints under /__sandbox/.
    Raises SandboxError from the constructor for bad options or a bad state file, from `start` for a bad address.
    """

    token = TOKEN
    client_id = CLIENT_ID
    client_secret = CLIENT_SECRET
    username = USERNAME
    password = PASSWORD

    def __init__(self, options: SandboxOptions | None = None) -> None:
        options = options or SandboxOptions()
        _check(options)
        self.options = options
        self.effects = EffectBook()
        self.requests = RequestLog()
        self.faults = FaultBook(options.faults, options.seed)
        self.quota = Quota(options.quota, options.window, options.clock)
        self.url = ""
        self._token_ttl = options.token_ttl
        self._runner: web.AppRunner | None = None
        self._journal = Journal(Path(options.state) if options.state is not None else None)
        try:
            self._vendor = self._load()
        except BaseException:
            self._journal.close()
            raise
        self._pipeline = Pipeline(
            self._vendor,
            faults=self.faults,
            quota=self.quota,
            requests=self.requests,
            latency_ms=options.latency_ms,
            clock=options.clock,
        )

    @property
    def organization(self) -> str:
        return str(self._base["organization"])

    @property
    def vendor(self) -> Vendor:
        """The simulated service."""
        return self._vendor

    def _load(self) -> Vendor:
        """The organisation as the state file tells it, or a new one. The file's base wins over the options."""
        changes = self._journal.open()
        options, header = self.options, self._journal.header
        name = options.vendor if header is None else header["vendor"]
        if name not in VENDORS:
            raise SandboxError(f"no service {name!r} is simulated; there are: {', '.join(VENDORS)}")
        if options.empty and header is None and "empty" not in signature(VENDORS[name]).parameters:
            raise SandboxError(f"--empty: {name} has no organisation without people to show; use --people")
        self._base: dict[str, Any] = {
            "organization": options.organization or VENDORS[name].organization,
            "people": options.people,
            "seed": options.seed,
            **({"empty": True} if options.empty else {}),
        }
        if header is not None:
            self._base = {name: header[name] for name in (*BASE_NAMES, *(["empty"] if header.get("empty") else []))}
        seeded_at: float = options.clock() if header is None else header["seeded_at"]
        vendor: Vendor = VENDORS[name](
            **self._base,
            token_ttl_s=options.token_ttl,
            quirks=options.quirks,
            clock=options.clock,
            commit=self._commit,
            seeded_at=seeded_at,
        )
        if header is None:
            self._start_journal(vendor, seeded_at)
        for change, arguments in changes:
            self.effects.add(vendor.apply(change, arguments))
        return vendor

    def _start_journal(self, vendor: Vendor, seeded_at: float) -> None:
        self._journal.start({"vendor": vendor.name, **self._base, "seeded_at": seeded_at})

    def _commit(self, change: str, **arguments: Any) -> None:
        """Apply, then write it down, in one step of the loop: no answer can leave in between."""
        effects = self._vendor.apply(change, arguments)
        self._journal.append(change, arguments)
        self.effects.add(effects)

    async def start(self) -> None:
        """Listen. `url` says where, also for port 0."""
        app = web.Application(client_max_size=MAX_REQUEST_BYTES)
        app.add_routes(Control(self).routes())
        app.add_routes([web.route(r.method, r.path, self._endpoint(r)) for r in self._vendor.routes()])
        app.router.add_route("*", "/{rest:.*}", self._endpoint(None))
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5, handle_signals=False)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.options.host, self.options.port, backlog=1024)
        try:
            await site.start()
        except OSError as error:
            await self.stop()
            where = f"{self.options.host}:{self.options.port}"
            raise SandboxError(f"cannot listen on {where}: {error.strerror or error}") from error
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def _endpoint(self, route: Route | None) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handler(request: web.Request) -> web.StreamResponse:
            return await self._pipeline.run(request, route)

        return handler

    async def stop(self) -> None:
        self._pipeline.closing.set()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        self._journal.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def credentials(self) -> dict[str, str]:
        """What `--json` prints."""
        return {
            "url": self.url,
            "vendor": self._vendor.name,
            "organization": self.organization,
            "token": self.token,
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "username": self.username,
            "password": self.password,
        }

    def summary(self) -> dict[str, Any]:
        """Counts of what there is, of requests, and of what the quota did."""
        return {
            **self._vendor.summary(),
            "requests": self.requests.count,
            "quota_allowed": self.quota.allowed,
            "quota_refused": self.quota.refused,
            "write_collisions": self._pipeline.collisions,
            "in_flight": self._pipeline.in_flight,
        }

    def inventory(self) -> dict[str, Any]:
        """Everything that the organisation holds."""
        return self._vendor.inventory()

    def settings(self) -> dict[str, Any]:
        return {
            "quota": self.quota.limit,
            "window": self.quota.window_s,
            "latency_ms": self._pipeline.latency_ms,
            "token_ttl": self._token_ttl,
            "quirks": self._vendor.quirks(),
        }

    def change(self, **given: Any) -> None:
        """Change quota, window, latency_ms, token_ttl or quirks; all or nothing. Raises SandboxError."""
        numbers = {**self.settings(), **given}
        _check_numbers(numbers)
        if "quirks" in given:
            if not isinstance(given["quirks"], Mapping):
                raise SandboxError("'quirks' must be an object")
            self._vendor.configure(given["quirks"])
        self.quota.change(limit=numbers["quota"], window_s=numbers["window"])
        self._pipeline.latency_ms = numbers["latency_ms"]
        if "token_ttl" in given:
            self._token_ttl = given["token_ttl"]
            self._vendor.set_token_ttl(self._token_ttl)

    def reset(self) -> None:
        """Back to the base: state, effects, requests, counters, tokens and the fault rules given at the start."""
        seeded_at = self.options.clock()
        self._vendor.rebuild(seeded_at)
        self._start_journal(self._vendor, seeded_at)
        self.effects.clear()
        self.requests.clear()
        self.quota.clear()
        self.faults.replace(self.options.faults)

    def expire_tokens(self, *, fixed: bool = False) -> int:
        """End the tokens issued so far, the fixed one only on request. Returns how many ended."""
        return self._vendor.expire_tokens(fixed=fixed)

    def accept_invite(self, **wanted: Any) -> dict[str, Any]:
        """A person accepts: `email` or `id`, and optionally `username`. Returns `{user_id, username, invite_id}`."""
        return self._vendor.accept_invite(wanted)


def _check(options: SandboxOptions) -> None:
    if not 2 <= options.people <= 1_000_000:
        raise SandboxError("people must be from 2 to 1000000")
    names = ("quota", "window", "latency_ms", "token_ttl")
    _check_numbers({name: getattr(options, name) for name in names})


def _check_numbers(given: Mapping[str, Any]) -> None:
    """Raises SandboxError for the first number that makes no sense."""
    least: dict[str, float] = {"quota": 0, "window": 0.05, "latency_ms": 0, "token_ttl": 0}
    for name, low in least.items():
        value = given[name]
        if value is None and name in ("quota", "token_ttl"):
            continue
        whole = name == "quota"
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float) or not value >= low:
            raise SandboxError(f"{name} must be a {'whole ' if whole else ''}number of at least {low}, not {value!r}")
