"""An organisation that answers as fast as a Python process can, so that clients are what is measured.

`python -m benchmarks.server` prints its port and serves until its standard input ends. It knows the few endpoints of
an invite job, and a listing of members; what was invited is listed, so that a read-back finds it. `POST /bench` sets
how it answers and forgets everything; `GET /bench` tells what was counted, and when.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import parse_qs, unquote

import orjson

ORGANIZATION = "5a4db0c5-0000-4000-8000-00000000beac"
BASE = f"/accounts/api/organizations/{ORGANIZATION}"
SLOW_S = 0.5
TIMES = b'","status":"INVITED","invited_at":"2026-01-01T00:00:00.000Z","expires_at":"2099-01-01T00:00:00.000Z"}'


class State:
    """What was invited, and how the server is to answer."""

    def __init__(self) -> None:
        self.people: list[bytes] = []
        self.reset({})

    def reset(self, wanted: dict[str, Any]) -> None:
        """Forget everything but the clock.

        `named`: answers name the invitations; `latency_ms`: least and most; `slow_after`: each write after so many
        items is answered `SLOW_S` later; `people`: how many members are listed.
        """
        self.answer_as(wanted)
        self.rows: list[bytes] = []
        self.addresses: dict[bytes, int] = {}
        self.doubled = 0

    def answer_as(self, wanted: dict[str, Any]) -> None:
        """Set how to answer and count calls from nought, but keep what was invited."""
        self.named = bool(wanted.get("named"))
        low, high = wanted.get("latency_ms", (0, 0))
        self.low_s, self.span_s = low / 1000, (high - low) / 1000
        self.slow_after = int(wanted.get("slow_after", 0)) or sys.maxsize
        if len(self.people) != int(wanted.get("people", 0)):
            self.people = [member(number) for number in range(int(wanted["people"]))]
        self.writes = self.reads = 0
        self.cpu_s = time.process_time()
        self.first = self.last = self.first_page = self.last_page = 0.0

    def told(self) -> dict[str, object]:
        """The counts, and moments on the clock that processes of one machine share (0.0: there was none).

        The span of pages ends at the first write: what is read back afterwards is left out of it.
        """
        return {
            "writes": self.writes,
            "reads": self.reads,
            "items": len(self.rows),
            "distinct": len(self.addresses),
            "doubled": self.doubled,
            "span_s": self.last - self.first,
            "cpu_s": time.process_time() - self.cpu_s,
            "first_write_at": self.first,
            "first_page_at": self.first_page,
            "last_page_at": self.last_page,
        }


def member(number: int) -> bytes:
    """A row of members, of the size that they have."""
    return (
        b'{"id":"00000000-0000-4000-8000-%012x","username":"given.family.%d","firstName":"Given",'
        b'"lastName":"Family %d","email":"given.family.%d@acme.test","enabled":true,"idprovider_id":"mulesoft",'
        b'"createdAt":"2026-01-01T00:00:00.000Z","lastLogin":"2026-01-01T00:00:00.000Z"}'
    ) % (number, number, number, number)


class Connection(asyncio.Protocol):
    """One client's connection: requests come one after the other."""

    transport: asyncio.Transport

    def __init__(self, state: State) -> None:
        self._state = state
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep where to answer."""
        self.transport = cast("asyncio.Transport", transport)  # a listener for TCP makes no other

    def data_received(self, data: bytes) -> None:
        """Answer once a whole request is there."""
        self._data = self._data + data if self._data else data
        end = self._data.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._data[:end]
        at = head.lower().find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self._data) < end + 4 + length:
            return
        body, self._data = self._data[end + 4 : end + 4 + length], self._data[end + 4 + length :]
        method, target, _ = head.split(b"\r\n", 1)[0].split(b" ", 2)
        self._answer(method, target.decode(), body)

    def _answer(self, method: bytes, target: str, body: bytes) -> None:
        state = self._state
        if method == b"POST" and target == f"{BASE}/invites":
            if not state.writes:
                state.first = time.perf_counter()
            state.writes += 1
            self._later(self._invite(body), self._sent_write, slow=len(state.rows) > state.slow_after)
            return
        path, _, query = target.partition("?")
        if path == "/bench":
            if method == b"POST":
                wanted = json.loads(body)
                (state.answer_as if wanted.get("keep") else state.reset)(wanted)
            self._send(json.dumps(state.told()).encode())
            return
        state.reads += 1
        if "offset=" in query and not state.writes:
            state.first_page = state.first_page or time.perf_counter()
            self._later(self._read(path, query), self._sent_page)
        else:
            self._later(self._read(path, query))

    def _later(self, answer: bytes, sent: Callable[[], None] | None = None, *, slow: bool = False) -> None:
        """Answer after the latency, and then call `sent`."""
        state = self._state
        if not state.low_s and not state.span_s and not slow:
            self._send(answer, sent)
            return
        wait_s = state.low_s + random.random() * state.span_s + slow * SLOW_S
        asyncio.get_running_loop().call_later(wait_s, lambda: self._send(answer, sent))

    def _send(self, answer: bytes, sent: Callable[[], None] | None = None) -> None:
        if self.transport.is_closing():  # the client was killed meanwhile; what it asked for is done
            return
        self.transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(answer), answer)
        )
        if sent is not None:
            sent()

    def _sent_write(self) -> None:
        self._state.last = time.perf_counter()

    def _sent_page(self) -> None:
        self._state.last_page = time.perf_counter()

    def _invite(self, body: bytes) -> bytes:
        state, made = self._state, []
        for item in orjson.loads(body):
            address = item["email"].encode()
            row = b'{"id":%d,"invited_email":"%b%b' % (len(state.rows) + 1, address, TIMES)
            state.doubled += address in state.addresses
            state.addresses[address] = len(state.rows)
            state.rows.append(row)
            made.append(row)
        return b"[" + b",".join(made) + b"]" if state.named else b"[]"

    def _read(self, path: str, query: str) -> bytes:
        if path == BASE:
            return json.dumps({"id": ORGANIZATION, "name": "Bench", "parentOrganizationIds": []}).encode()
        if path == "/accounts/api/me":
            return b'{"user":{"id":"caller","username":"caller","email":"caller@bench.test"}}'
        asked = {name: values[0] for name, values in parse_qs(query).items()}
        rows = {f"{BASE}/invites": self._state.rows, f"{BASE}/members": self._state.people}.get(path, [])
        if "search" in asked:
            found = self._state.addresses.get(unquote(asked["search"]).encode()) if rows is self._state.rows else None
            rows = [] if found is None else [rows[found]]
        offset, limit = int(asked.get("offset", 0)), int(asked.get("limit", 25))
        return b'{"total":%d,"data":[%b]}' % (len(rows), b",".join(rows[offset : offset + limit]))


async def serve() -> None:
    """Listen on a free port, say which, and go on until standard input ends."""
    loop, state, ended = asyncio.get_running_loop(), State(), asyncio.Event()
    server = await loop.create_server(lambda: Connection(state), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)

    def wait_for_end() -> None:
        while os.read(0, 65_536):
            pass
        loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=wait_for_end, daemon=True).start()
    await ended.wait()
    server.close()


def main() -> None:
    """Serve on uvloop."""
    import uvloop  # noqa: PLC0415 - not there on every platform

    uvloop.run(serve())


if __name__ == "__main__":
    main()
