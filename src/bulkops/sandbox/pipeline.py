"""The way of every call: record, faults, quota, admission, then the endpoint.

An endpoint is one synchronous step, so a call is applied wholly or not at all, and it is applied even when the
client has gone away meanwhile.
"""

import asyncio
import contextlib
import json
import socket
import struct
import zlib
from collections.abc import Callable
from typing import Any

from aiohttp import web

from bulkops.sandbox.calls import JSON, Answer, Call, RefusalError, Route, Vendor, answer_json, encode
from bulkops.sandbox.faults import FaultBook, FaultRule, batch_field
from bulkops.sandbox.quota import Quota
from bulkops.sandbox.recording import RequestLog

PROXY_PAGE = b"<!doctype html><html><head><title>Sign in</title></head><body>Network sign-in required.</body></html>"
DROPPED = Answer(0)  # no answer: the connection is closed instead


class Pipeline:
    """Takes a request through the stations. `latency_ms` may be changed at any time."""

    def __init__(
        self,
        vendor: Vendor,
        *,
        faults: FaultBook,
        quota: Quota,
        requests: RequestLog,
        latency_ms: float,
        clock: Callable[[], float],
    ) -> None:
        self._vendor = vendor
        self._faults = faults
        self._quota = quota
        self._requests = requests
        self.latency_ms = latency_ms
        self._clock = clock
        self._busy: set[str] = set()
        self.closing = asyncio.Event()
        self.collisions = 0
        self.in_flight = 0

    async def run(self, request: web.Request, route: Route | None) -> web.StreamResponse:
        """Record the request and answer it. `in_flight` counts those that may still be applied."""
        self.in_flight += 1
        try:
            return await self._taken(request, route)
        finally:
            self.in_flight -= 1

    async def _taken(self, request: web.Request, route: Route | None) -> web.StreamResponse:
        refusal = self._faults.refusal(request.method, request.path)
        try:
            raw = b"" if refusal else await request.read()
        except (OSError, web.RequestPayloadError):
            return drop(request, reset=False)  # the client went away in the middle of its body
        entry = self._requests.note(
            at=self._clock(),
            method=request.method,
            path=request.path,
            query=request.query_string,
            content_type=request.headers.get("Content-Type", ""),
            raw=raw,
        )
        if refusal is not None:
            entry["fault"] = refusal.kind
            return drop(request, reset=True)
        call = self._call(request, raw)
        answer = await self._with_faults(call, route, entry, request)
        if answer is DROPPED:
            return drop(request, reset=entry["fault"].endswith("refuse"))
        entry["status"] = answer.status
        return self._respond(request, answer)

    def _call(self, request: web.Request, raw: bytes) -> Call:
        query: dict[str, list[str]] = {}
        for name, value in request.query.items():
            query.setdefault(name, []).append(value)
        return Call(
            method=request.method,
            path=request.path,
            params=request.match_info,
            query=query,
            headers=request.headers,
            raw=raw,
            now=self._clock(),
        )

    def _respond(self, request: web.Request, answer: Answer) -> web.Response:
        headers = {**answer.headers, **self._vendor.trace()}
        if answer.content_type is not None:
            headers["Content-Type"] = answer.content_type
        if request.method == "GET" and answer.status == 200:
            headers["ETag"] = f'W/"{zlib.crc32(answer.body):x}"'
        return web.Response(status=answer.status, body=answer.body or None, headers=headers)

    async def _with_faults(
        self, call: Call, route: Route | None, entry: dict[str, Any], request: web.Request
    ) -> Answer:
        """The answer, bent by the rules that fire."""
        fired = self._faults.pick(call.method, call.path, call.raw)
        if not fired:
            return await self._within_quota(call, route)
        entry["fault"] = "+".join(rule.kind for rule in fired)
        for rule in fired:
            if rule.kind == "delay_before":
                await self._pause(rule.seconds)
        last = fired[-1]
        if last.kind == "apply_late":  # as where a gateway gives up while the service behind it works on
            drop(request, reset=False)
            await self._pause(last.seconds)
        answer = await self._instead(last)
        if answer is None:
            skipped = self._shorten(call, last.share) if last.kind == "partial" else []
            answer = bend(last, await self._within_quota(call, route))
            if skipped:
                pretend(answer, skipped)
        for rule in fired:
            if rule.kind == "delay_after":
                await self._pause(rule.seconds)
        return answer

    async def _instead(self, rule: FaultRule) -> Answer | None:
        """The answer of a fault that keeps the call from being applied; None for the other kinds."""
        if rule.kind == "hang":
            await self._pause(rule.seconds)
        if rule.kind in ("refuse", "lose_before", "hang"):
            return DROPPED
        if rule.kind == "reject_items":
            return answer_json(rule.body or {"status": 400, "message": "Bad Request"}, 400)
        if rule.kind == "status" or (rule.kind in ("html", "redirect") and not rule.applied):
            return bend(rule, Answer())
        return None

    def _shorten(self, call: Call, share: float) -> list[Any]:
        """Leave only some items in the body of a batch; returns those taken out."""
        try:
            body = json.loads(call.raw)
        except ValueError:
            return []
        field = batch_field(body)
        items = body if field is None else body[field]
        if not isinstance(items, list):
            return []
        kept = self._faults.choose(len(items), share)
        left = [items[index] for index in kept]
        call.raw = json.dumps(left if field is None else {**body, field: left}).encode()
        return [item for index, item in enumerate(items) if index not in kept]

    async def _pause(self, seconds: float) -> None:
        """Wait, or end early when the sandbox stops."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.closing.wait(), seconds)

    async def _within_quota(self, call: Call, route: Route | None) -> Answer:
        """Refuse what is over the quota; other answers tell what is left of it."""
        if route is None:
            return Answer(404)
        ticket = self._quota.take(route.name) if route.limited else None
        if ticket is None:
            return await self._admitted(call, route)
        if not ticket.admitted:
            return self._vendor.throttle(ticket)
        answer = await self._admitted(call, route)
        answer.headers.update(self._vendor.limit_headers(ticket))
        return answer

    async def _admitted(self, call: Call, route: Route) -> Answer:
        """Let in whoever may, then apply."""
        try:
            self._vendor.admit(call, route)
            return await self._alone(call, route)
        except RefusalError as refusal:
            return refusal.answer

    async def _alone(self, call: Call, route: Route) -> Answer:
        """Apply, while no other write goes on under the same parent."""
        hold_s = self._vendor.serial_write_s() if route.parent is not None else None
        if hold_s is None or route.parent is None:
            return await self._apply(call, route, 0.0)
        parent = route.parent.format_map(call.params)
        if parent in self._busy:
            self.collisions += 1
            return self._vendor.busy()
        self._busy.add(parent)
        try:
            return await self._apply(call, route, hold_s)
        finally:
            self._busy.discard(parent)

    async def _apply(self, call: Call, route: Route, least_s: float) -> Answer:
        wait_s = max(self.latency_ms / 1000, least_s)
        if wait_s:
            await asyncio.sleep(wait_s)
        call.now = self._clock()
        return route.handler(call)


def bend(rule: FaultRule, answer: Answer) -> Answer:
    """What a fault makes of an answer."""
    if rule.kind in ("lose_after", "apply_late"):
        return DROPPED
    if rule.kind in ("status", "status_after"):
        return replacement(rule)
    if rule.kind == "break_body" and answer.status < 400:
        whole = answer.body if len(answer.body) > 2 else b'{"data":[{"id":'
        return Answer(200, whole[: max(1, len(whole) * 2 // 3)], JSON, answer.headers)
    if rule.kind == "html":
        return Answer(200, PROXY_PAGE, "text/html; charset=utf-8", dict(rule.headers))
    if rule.kind == "redirect":
        return Answer(302, b"", None, {**rule.headers, "Location": rule.location})
    return answer


def pretend(answer: Answer, skipped: list[Any]) -> None:
    """Name skipped items among the succeeded, where the answer names any."""
    if b'"succeeded"' in answer.body and answer.status == 200:
        told = json.loads(answer.body)
        told["succeeded"] += skipped
        answer.body = encode(told)


def replacement(rule: FaultRule) -> Answer:
    """The answer that a rule spells out: text as it is, anything else as JSON."""
    if isinstance(rule.body, str):
        content_type = rule.content_type or ("text/plain; charset=utf-8" if rule.body else None)
        return Answer(rule.status, rule.body.encode(), content_type, dict(rule.headers))
    answer = answer_json(rule.body, rule.status)
    return Answer(answer.status, answer.body, rule.content_type or JSON, dict(rule.headers))


def drop(request: web.Request, *, reset: bool) -> web.StreamResponse:
    """Close the connection without an answer; `reset` makes the client see a reset rather than an end."""
    transport = request.transport
    if transport is not None:
        if reset:
            sock = transport.get_extra_info("socket")
            if sock is not None:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response()
