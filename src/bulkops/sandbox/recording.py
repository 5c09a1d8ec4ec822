"""The requests as they arrived, without their secrets."""

import json
from collections import deque
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, parse_qsl

CAPACITY = 20_000
MAX_BODY_BYTES = 64 * 1024 * 1024  # of all entries together
SECRET_FIELDS = frozenset(
    {
        "password",
        "client_secret",
        "access_token",
        "refresh_token",
        "assertion",
        "code",
        "api_token",
        "api_key",
        "passcode",
    }
)
HIDDEN = "***"


class RequestLog:
    """The last 20,000 requests (fewer when their bodies pass 64 MiB), numbered from 1.

    An entry: `{n, at, method, path, query, content_type, body, status, fault}`. `status` is None until an answer
    left, and stays so when the connection was dropped; `fault` names the rule kinds that fired, "" for none.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._entries: deque[dict[str, Any]] = deque()
        self._capacity = capacity
        self._bytes = 0
        self.count = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter([readable(entry) for entry in self._entries])

    def clear(self) -> None:
        """Forget the entries; numbering goes on."""
        self._entries.clear()
        self._bytes = 0

    def since(self, number: int) -> list[dict[str, Any]]:
        return [readable(entry) for entry in self._entries if entry["n"] > number]

    def matching(self, method: str, path_part: str) -> list[dict[str, Any]]:
        """Entries of one method whose path contains `path_part`."""
        return [readable(e) for e in self._entries if e["method"] == method and path_part in e["path"]]

    def note(self, *, at: float, method: str, path: str, query: str, content_type: str, raw: bytes) -> dict[str, Any]:
        """Record a request; the caller fills in `status` and `fault` later. The body is parsed when it is read."""
        self.count += 1
        entry = {
            "n": self.count,
            "at": at,
            "method": method,
            "path": path,
            "query": query,
            "content_type": content_type,
            "body": raw,
            "status": None,
            "fault": "",
        }
        self._entries.append(entry)
        self._bytes += len(raw)
        while len(self._entries) > self._capacity or self._bytes > MAX_BODY_BYTES:
            self._bytes -= len(self._entries.popleft()["body"])
        return entry


def readable(entry: dict[str, Any]) -> dict[str, Any]:
    """The entry with its query and body parsed and its secrets hidden."""
    return {**entry, "query": parse_query(entry["query"]), "body": parse_body(entry["body"], entry["content_type"])}


def parse_query(text: str) -> dict[str, str | list[str]]:
    """Values by name; a list where a name was given more than once."""
    query: dict[str, str | list[str]] = {}
    for name, values in parse_qs(text, keep_blank_values=True).items():
        shown = [HIDDEN] * len(values) if name in SECRET_FIELDS else values
        query[name] = shown if len(shown) > 1 else shown[0]
    return query


def parse_body(raw: bytes, content_type: str) -> Any:
    if not raw:
        return None
    if "form" in content_type:
        return hide(dict(parse_qsl(raw.decode(errors="replace"))))
    try:
        return hide(json.loads(raw))
    except ValueError:
        return {"unparsed_bytes": len(raw)}


def hide(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: HIDDEN if key in SECRET_FIELDS else hide(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [hide(inner) for inner in value]
    return value
