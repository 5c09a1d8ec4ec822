"""The sandbox's own endpoints under /__sandbox/. No token, no quota, no faults."""

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from aiohttp import web

from bulkops.sandbox.options import SandboxError

if TYPE_CHECKING:
    from bulkops.sandbox.server import Sandbox

PREFIX = "/__sandbox"
SETTINGS = ("quota", "window", "latency_ms", "token_ttl", "quirks")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Control:
    """Looks into a running sandbox and changes its settings."""

    def __init__(self, sandbox: "Sandbox") -> None:
        self._sandbox = sandbox

    def routes(self) -> list[web.RouteDef]:
        table: list[tuple[str, str, Handler]] = [
            ("GET", "effects", self.effects),
            ("GET", "requests", self.requests),
            ("DELETE", "requests", self.forget_requests),
            ("GET", "state", self.state),
            ("GET", "organization", self.organization),
            ("GET", "faults", self.faults),
            ("POST", "faults", self.set_faults),
            ("DELETE", "faults", self.clear_faults),
            ("POST", "reset", self.reset),
            ("GET", "settings", self.settings),
            ("PATCH", "settings", self.change_settings),
            ("POST", "expire-tokens", self.expire_tokens),
            ("POST", "accept-invite", self.accept_invite),
        ]
        return [web.route(method, f"{PREFIX}/{name}", _explaining(handler)) for method, name, handler in table]

    async def effects(self, request: web.Request) -> web.StreamResponse:
        """What took effect; `?effect=NAME` for one kind."""
        return web.json_response(self._sandbox.effects.view(request.query.get("effect")))

    async def requests(self, request: web.Request) -> web.StreamResponse:
        """Recorded requests after number `?since=N`."""
        since = request.query.get("since", "0")
        if not since.isdigit():
            raise SandboxError("'since' must be a whole number")
        log = self._sandbox.requests
        return web.json_response({"requests": log.since(int(since)), "last": log.count})

    async def forget_requests(self, request: web.Request) -> web.StreamResponse:
        self._sandbox.requests.clear()
        return web.Response(status=204)

    async def state(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(self._sandbox.summary())

    async def organization(self, request: web.Request) -> web.StreamResponse:
        """Everything that the organisation holds, codes and secrets left out."""
        return web.json_response(self._sandbox.inventory())

    async def faults(self, request: web.Request) -> web.StreamResponse:
        """The rules, each with how many calls it matched and how often it fired."""
        return web.json_response(self._sandbox.faults.view())

    async def set_faults(self, request: web.Request) -> web.StreamResponse:
        """A list of rules, or one rule, in the place of those in force."""
        rules = await _json(request)
        self._sandbox.faults.replace(rules if isinstance(rules, list) else [rules])
        return web.json_response(self._sandbox.faults.view())

    async def clear_faults(self, request: web.Request) -> web.StreamResponse:
        self._sandbox.faults.clear()
        return web.Response(status=204)

    async def reset(self, request: web.Request) -> web.StreamResponse:
        self._sandbox.reset()
        return web.json_response(self._sandbox.summary())

    async def settings(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(self._sandbox.settings())

    async def change_settings(self, request: web.Request) -> web.StreamResponse:
        """Any of quota, window, latency_ms, token_ttl, quirks; all or nothing."""
        given = await _json(request)
        if not isinstance(given, dict):
            raise SandboxError("expected an object")
        unknown = set(given) - set(SETTINGS)
        if unknown:
            raise SandboxError(f"unknown setting {min(unknown)!r}; known: {', '.join(SETTINGS)}")
        self._sandbox.change(**given)
        return web.json_response(self._sandbox.settings())

    async def expire_tokens(self, request: web.Request) -> web.StreamResponse:
        """End the tokens issued so far; `{"fixed": true}` ends the fixed one too."""
        given = await _json(request) if request.can_read_body else {}
        fixed = isinstance(given, dict) and given.get("fixed") is True
        return web.json_response({"expired": self._sandbox.expire_tokens(fixed=fixed)})

    async def accept_invite(self, request: web.Request) -> web.StreamResponse:
        """A person follows the link of an invite: `{"email" or "id", "username"?}`."""
        given = await _json(request)
        if not isinstance(given, dict):
            raise SandboxError("expected an object")
        return web.json_response(self._sandbox.accept_invite(**given))


async def _json(request: web.Request) -> Any:
    try:
        return json.loads(await request.read())
    except ValueError:
        raise SandboxError("the body is not JSON") from None


def _explaining(handler: Handler) -> Handler:
    """Turn a SandboxError into 400 `{"error": ...}`."""

    async def explained(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except SandboxError as error:
            return web.json_response({"error": str(error)}, status=400)

    return explained
