"""An organisation that answers as fast as a Python process can, so that clients are what is measured.

`python -m benchmarks.server` prints its port and serves until its standard input ends. It knows the few endpoints of
an invite job; what was invited is listed, so that a read-back finds it. `POST /bench` sets answer and latency and
forgets everything; `GET /bench` tells what was counted, and the span from the first write's arrival to the last
write's answer.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import threading
import time
from typing import Any, cast
from urllib.parse import parse_qs, unquote

import orjson

ORGANIZATION = "5a4db0c5-0000-4000-8000-00000000beac"
BASE = f"/accounts/api/organizations/{ORGANIZATION}"
TIMES = b'","status":"INVITED","invited_at":"2026-01-01T00:00:00.000Z","expires_at":"2099-01-01T00:00:00.000Z"}'


class State:
    """What was invited, and how the server is to answer."""

    def __init__(self) -> None:
        self.reset({})

    def reset(self, wanted: dict[str, Any]) -> None:
        """Forget everything; `named`: answers name the invitations; `latency_ms`: least and most."""
        self.named = bool(wanted.get("named"))
        low, high = wanted.get("latency_ms", (0, 0))
        self.low_s, self.span_s = low / 1000, (high - low) / 1000
        self.rows: list[bytes] = []
        self.addresses: dict[bytes, int] = {}
        self.writes = self.reads = self.doubled = 0
        self.first = self.last = 0.0

    def told(self) -> dict[str, object]:
        """The counts."""
        return {
            "writes": self.writes,
            "reads": self.reads,
            "items": len(self.rows),
            "doubled": self.doubled,
            "span_s": self.last - self.first,
        }


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
            self._later(self._invite(body), write=True)
            return
        path, _, query = target.partition("?")
        if path == "/bench":
            if method == b"POST":
                state.reset(json.loads(body))
            self._send(json.dumps(state.told()).encode())
            return
        state.reads += 1
        self._later(self._read(path, query), write=False)

    def _later(self, answer: bytes, *, write: bool) -> None:
        state = self._state
        if not state.low_s and not state.span_s:
            self._send(answer, write=write)
            return
        wait_s = state.low_s + random.random() * state.span_s
        asyncio.get_running_loop().call_later(wait_s, lambda: self._send(answer, write=write))

    def _send(self, answer: bytes, *, write: bool = False) -> None:
        self.transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(answer), answer)
        )
        if write:
            self._state.last = time.perf_counter()

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
        rows = self._state.rows if path == f"{BASE}/invites" else []
        if "search" in asked:
            found = self._state.addresses.get(unquote(asked["search"]).encode()) if rows else None
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
