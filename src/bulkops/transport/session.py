"""The HTTP session of one account: credentials, gates, time-outs, and errors in our own words."""

from __future__ import annotations

import logging
import math
import random
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote, urlencode, urlsplit

import anyio
import orjson
import structlog
from multidict import MultiMapping
from yarl import URL

from bulkops.errors import (
    AccessError,
    AttemptError,
    InDoubtError,
    RetryableError,
    StoppedError,
    ThrottledError,
)
from bulkops.model import shorten
from bulkops.policy import QuotaReading, ResetUnit, ServerClock, full_jitter, read_date, read_quota
from bulkops.transport.answers import (
    Answer,
    failure_of_read,
    failure_of_write,
    message_of,
    words_in,
)
from bulkops.transport.credentials import Credentials, Token
from bulkops.transport.direct import DirectClient
from bulkops.transport.faults import FAULTS, STEERING, proxy_for, translate
from bulkops.transport.gates import Gates
from bulkops.transport.lane import Pass
from bulkops.transport.options import Meter, Permit, SessionOptions
from bulkops.transport.reply import HttpClient, Reply
from bulkops.transport.secrets import Scrubber

log = structlog.get_logger(__name__)

MAX_TEXT = 2000
"""So many characters of a refusal's text are kept."""
MAX_REQUEST_ID = 200
REMEMBERED_PATHS = 1000


class Session:
    """Calls to one account. Tasks may share it.

    A read is tried again here; each try of a write is an attempt and belongs to the caller.
    """

    def __init__(
        self, options: SessionOptions, *, credentials: Credentials | None, gates: Gates, scrubber: Scrubber
    ) -> None:
        self._options = options
        self._credentials = credentials
        self._scrubber = scrubber
        self.gates = gates
        self.meter = Meter()
        self._clock = ServerClock()
        self._units: dict[str, ResetUnit] = {}
        self._base = URL(options.base_url)
        self._targets: dict[str, str] = {}
        self._tells = False
        self._client: HttpClient | None = None
        self._calls = log.bind()  # bound once: what is below the level costs next to nothing then

    @property
    def base_url(self) -> str:
        """Scheme, host and port that it speaks to: what leaves them gets no credentials."""
        return self._options.base_url

    @property
    def clock_ahead_s(self) -> float:
        """The most that the server's clock may be ahead of ours, in seconds; 0 before its first answer."""
        if self._clock.least is None:
            return 0.0
        return self._clock.most + time.monotonic() - time.time()

    @property
    def clock_open_s(self) -> float:
        """How far apart the least and the most are that the server's clock may be ahead; infinite before an answer."""
        return math.inf if self._clock.least is None else self._clock.most - self._clock.least

    async def __aenter__(self) -> Self:
        options = self._options
        proxy = proxy_for(options.base_url)
        if proxy is not None and (password := urlsplit(proxy).password):
            self._scrubber.add(unquote(password))
        self._tells = self._calls.is_enabled_for(logging.DEBUG)
        headers = {"User-Agent": "bulkops", **(options.profile.headers or {})}
        if proxy is None:
            self._client = DirectClient(self._base, headers=headers, timeouts=options.timeouts, tls=options.tls)
        else:
            from bulkops.transport.proxied import ProxiedClient  # noqa: PLC0415 - aiohttp loads for a tenth of a second

            self._client = ProxiedClient(
                self._base,
                proxy,
                headers=headers,
                timeouts=options.timeouts,
                tls=options.tls,
            )
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.gates.close()
        if self._client is not None:
            await self._client.close()

    async def read(
        self,
        path: str,
        *,
        gate: str,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        redirects: bool = False,
    ) -> Answer:
        """GET `path`, trying again after faults; POST where a search takes a `body`.

        With `redirects` an answer that points elsewhere is one like others; nothing is followed here.

        Raises AccessError for missing rights, RejectedError for another refusal, StoppedError when the tries or the
        run's retries are used up, ConfigError when the server's certificate cannot be trusted.
        """
        self.gates.budget.count_call()
        attempt = 1
        while True:
            try:
                answer = await self._authorised(
                    "GET" if body is None else "POST", path, gate=gate, params=params, body=body
                )
                refusal = None if redirects and answer.location else failure_of_read(answer)
                if refusal is None:
                    return answer
                raise refusal
            except ThrottledError:
                continue
            except (RetryableError, InDoubtError) as error:
                failure = error
            await self._pay_for_retry(attempt, failure, f"{failure} ({attempt} tries)")
            attempt += 1

    async def write(
        self,
        method: str,
        path: str,
        *,
        gate: str,
        permit: Permit,
        body: Any = None,
        params: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one write, once.

        Raises ThrottledError and RetryableError where it certainly was not applied, InDoubtError where it may have
        been, RejectedError where the provider refused it, AccessError for credentials that stay refused.
        """
        answer = await self._authorised(method, path, gate=gate, params=params, body=body, permit=permit)
        failure = failure_of_write(answer, self._options.profile)
        if failure is not None:
            raise failure
        return answer

    async def login(
        self, path: str, body: Mapping[str, str], *, form: bool = False, authorization: str | None = None
    ) -> Answer:
        """POST credentials, without a token and outside the ordinary gates; tried again after faults.

        `body` travels as JSON, or as a `form`; `authorization` is a header of its own.
        """
        attempt = 1
        token = Token(authorization) if authorization is not None else None
        while True:
            try:
                answer = await self._pass_and_send("POST", path, "login", token=token, body=dict(body), form=form)
                if answer.status < 500 and answer.readable:
                    return answer
                what = "" if answer.readable else ", and it could not be read"
                failure: AttemptError = RetryableError(f"the login call was answered with HTTP {answer.status}{what}")
            except ThrottledError:
                continue
            except (RetryableError, InDoubtError) as error:
                failure = error
            await self._pay_for_retry(attempt, failure, f"login failed: {failure}")
            attempt += 1

    async def _authorised(
        self,
        method: str,
        path: str,
        *,
        gate: str,
        params: Mapping[str, str] | None = None,
        body: Any = None,
        permit: Permit | None = None,
    ) -> Answer:
        """Send with a token; after a 401 renew once and repeat once: a refused credential applied nothing."""
        credentials, token = self._credentials, None
        passed = await self.gates.enter(gate)
        try:  # wait, then ask for the token, then for the permit, then send: what waits has not begun
            if credentials is not None:
                token = await credentials.current()
            if permit is not None:
                await permit.begin()
            answer = await self._send(method, path, passed, token=token, params=params, body=body)
        finally:
            passed.close()
        if answer.status != 401:
            return answer
        if credentials is None or token is None:
            raise AccessError(f"{method} {path}: the provider asks for credentials, and none are configured")
        token = await credentials.renew(token)
        answer = await self._pass_and_send(method, path, gate, permit=permit, token=token, params=params, body=body)
        if answer.status == 401:
            raise AccessError(
                f"{method} {path}: the provider answers 401 also to a fresh token: the account lacks the right for "
                f"this call ({shorten(answer.text, 120)})"
            )
        return answer

    async def _pass_and_send(
        self, method: str, path: str, gate: str, *, permit: Permit | None = None, **what: Any
    ) -> Answer:
        passed = await self.gates.enter(gate)
        try:
            if permit is not None:
                await permit.begin()
            return await self._send(method, path, passed, **what)
        finally:
            passed.close()

    async def _send(
        self,
        method: str,
        path: str,
        passed: Pass,
        *,
        token: Token | None = None,
        params: Mapping[str, str] | None = None,
        body: Any = None,
        form: bool = False,
    ) -> Answer:
        """One try on the wire. Raises ThrottledError, RetryableError or InDoubtError; any other answer is returned."""
        if self._client is None:
            raise RuntimeError("the session is used before it is opened")
        headers = {"Authorization": token.header} if token is not None else {}
        data = None
        if body is not None:
            data = urlencode(body).encode() if form else orjson.dumps(body)
            headers["Content-Type"] = "application/x-www-form-urlencoded" if form else "application/json"
        target = self._target(path) if params is None else str(URL(path).update_query(params).raw_path_qs)
        self.meter.requests += 1
        passed.leave()
        try:
            reply = await self._client.send(method, target, headers, data)
        except FAULTS as error:
            translated = translate(error, self._options.base_url, self._scrubber)
            passed.failed(str(translated))
            log.info("request.failed", method=method, path=path, error=type(error).__name__, text=str(translated))
            raise translated from error
        answer = self._answer(reply)
        if self._tells:
            self._log(method, path, answer, passed.sent_at)
        self._feed_gates(passed, answer, reply)
        return answer

    def _target(self, path: str) -> str:
        """`path` as it stands in a call; quoted once, however often it is called."""
        target = self._targets.get(path)
        if target is None:
            if len(self._targets) >= REMEMBERED_PATHS:
                self._targets.clear()
            target = self._targets[path] = URL(path).raw_path_qs
        return target

    def _answer(self, reply: Reply) -> Answer:
        raw, succeeded = reply.body, 200 <= reply.status < 300
        body: Any = None
        readable = True
        html = reply.headers.get("Content-Type", "").lstrip()[:9].casefold() == "text/html"
        if raw and not raw.isspace():
            try:
                body = orjson.loads(raw)
            except orjson.JSONDecodeError:
                # plain-text answers are normal for refusals; in a success they mean that something stands between
                readable = not succeeded
        readable = readable and not (html and succeeded)
        return Answer(
            status=reply.status,
            body=body,
            text="" if readable and succeeded else self._words(body, raw),
            request_id=self._request_id(
                reply.headers.get(self._options.profile.request_id_header)
                or ("" if reply.status < 400 else self._options.profile.request_id(body))
            ),
            date=read_date(reply.headers.get("Date")),
            readable=readable,
            location=reply.headers.get("Location", "") if 300 <= reply.status < 400 else "",
            link=_link(reply.headers) if "Link" in reply.headers else "",
        )

    def _request_id(self, told: str) -> str | None:
        """The vendor's name of the call: a header like any other, which may say anything."""
        return STEERING.sub(" ", self._scrubber.head(told, MAX_REQUEST_ID)).strip() or None if told else None

    def _words(self, body: Any, raw: bytes) -> str:
        """What a refusal says, on one line."""
        text = words_in(body) or raw[: 32 * MAX_TEXT].decode("utf-8", "replace")
        return STEERING.sub(" ", self._scrubber.head(text, MAX_TEXT)).strip()

    def _feed_gates(self, passed: Pass, answer: Answer, reply: Reply) -> None:
        """Tell the gates how the call went. Raises ThrottledError for a refusal for its rate."""
        now = time.monotonic()
        if answer.date is not None:
            self._clock.note(answer.date, sent=passed.sent_at, answered=now)
        server_now = time.time() if self._clock.least is None else now + self._clock.least
        longest_s = self._options.profile.longest_window_s
        unit = self._units.get(passed.lane.name)
        if unit is None:  # each endpoint has windows of its own
            unit = self._units[passed.lane.name] = ResetUnit()
        reading = read_quota(reply.headers, server_now=server_now, in_ms=unit.in_ms, longest_s=longest_s)
        if unit.note(reading, now):
            passed.lane.unlearn()
            reading = read_quota(reply.headers, server_now=server_now, in_ms=True)
        if self._throttles(reply, reading):
            self.meter.throttled += 1
            wait_s = passed.refused(reading, to_minute_s=60.0 - server_now % 60.0)
            raise ThrottledError(f"throttled for {wait_s:.0f} s", http_status=reply.status)
        if reply.status >= 500:
            passed.failed(message_of(answer))
        else:
            passed.answered(reading)

    def _throttles(self, reply: Reply, reading: QuotaReading) -> bool:
        """By the vendor's facts, and whenever a 503 says itself that the quota is spent."""
        if reply.status == 503 and reading.spent:
            return True
        return self._options.profile.throttles(reply.status, len(reply.body), reply.headers)

    def _log(self, method: str, path: str, answer: Answer, started: float) -> None:
        self._calls.debug(
            "request.answered",
            method=method,
            path=path,
            status=answer.status,
            ms=round((time.monotonic() - started) * 1000),
            request_id=answer.request_id,
        )

    async def _pay_for_retry(self, attempt: int, failure: AttemptError, text: str) -> None:
        """Wait after failed try number `attempt`, paid from the budget that the run's writes live on too.

        Raises StoppedError when tries or budget are used up.
        """
        timeouts, budget = self._options.timeouts, self.gates.budget
        if attempt >= timeouts.read_tries:
            raise StoppedError(f"{self._options.base_url}: {text}") from failure
        if not budget.take():
            raise StoppedError(f"too many faults: {budget.spent} retries were spent; the last one: {text}") from failure
        self.meter.retries += 1
        wait_s = full_jitter(attempt, base_s=timeouts.backoff_base_s, cap_s=timeouts.backoff_cap_s, draw=random.random)
        log.info("read.retried", attempt=attempt, wait_s=round(wait_s, 2), why=str(failure))
        await anyio.sleep(wait_s)


def _link(headers: Mapping[str, str]) -> str:
    """All of the header's `Link` fields: some vendors write one for each relation."""
    return ", ".join(headers.getall("Link")) if isinstance(headers, MultiMapping) else headers["Link"]
