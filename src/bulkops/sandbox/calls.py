"""One call and its answer, free of any HTTP library, and the seam between the server and a vendor."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from bulkops.sandbox.effects import Effect
from bulkops.sandbox.quota import Ticket

JSON = "application/json; charset=utf-8"
TEXT = "text/plain; charset=utf-8"


@dataclass(slots=True)
class Call:
    """A request that was read in full. `body` is the parsed JSON or form, None when there is none.

    `actor` is whatever the vendor's `admit` put there: who is calling.
    """

    method: str
    path: str
    params: Mapping[str, str]
    query: Mapping[str, Sequence[str]]
    headers: Mapping[str, str]
    raw: bytes
    now: float
    body: Any = None
    actor: Any = None

    def first(self, name: str) -> str | None:
        values = self.query.get(name)
        return values[0] if values else None


@dataclass(slots=True)
class Answer:
    """What goes back. `body` is bytes as they leave; no content type means no body."""

    status: int = 200
    body: bytes = b""
    content_type: str | None = None
    headers: dict[str, str] = field(default_factory=dict)


class RefusalError(Exception):
    """Ends a call with an answer other than the ordinary one; nothing was applied unless the raiser says so."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def encode(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def answer_json(value: Any, status: int = 200) -> Answer:
    return Answer(status, encode(value), JSON)


def answer_text(text: str, status: int) -> Answer:
    return Answer(status, text.encode(), TEXT)


def answer_empty(status: int = 204) -> Answer:
    return Answer(status)


def refuse(answer: Answer) -> RefusalError:
    return RefusalError(answer)


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint. `path` is an aiohttp pattern; `limited`: counts against the quota.

    `parent`: template over the path parameters naming what concurrent writes must not share, None for none.
    `right`: the permission that `admit` asks for; None: open to all.
    """

    method: str
    path: str
    handler: Callable[[Call], Answer]
    right: str | None = None
    parent: str | None = None
    limited: bool = True

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"


class Vendor(Protocol):
    """A simulated service. It holds the organisation's state and never does any I/O.

    `provider` is what a target of it writes, `auth` the lines that say where its token (`options.TOKEN`) is;
    `organization` is the id of the organisation where nobody names one.
    """

    name: str
    provider: str
    auth: Mapping[str, str]
    organization: str

    def routes(self) -> Sequence[Route]: ...

    def admit(self, call: Call, route: Route) -> None:
        """Find who is calling and parse the body. Raises RefusalError."""

    def apply(self, change: str, arguments: Mapping[str, Any]) -> list[Effect]:
        """Carry out a change that is already decided. Deterministic: replaying changes rebuilds the state."""

    def rebuild(self, seeded_at: float) -> None:
        """Forget everything and seed anew."""

    def configure(self, quirks: Mapping[str, Any]) -> None:
        """Take over some quirks. Raises SandboxError for an unknown name or value, changing nothing."""

    def quirks(self) -> dict[str, Any]: ...

    def set_token_ttl(self, ttl_s: float | None) -> None: ...

    def expire_tokens(self, *, fixed: bool) -> int:
        """End the tokens issued so far, the fixed one only when `fixed`. Returns how many ended."""

    def accept_invite(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """A person follows the link of an invite. Raises SandboxError when there is no such invite."""

    def summary(self) -> dict[str, Any]: ...

    def inventory(self) -> dict[str, Any]:
        """Everything there is, as plain JSON."""

    def limit_headers(self, ticket: Ticket) -> dict[str, str]:
        """What ordinary answers say about the quota."""

    def throttle(self, ticket: Ticket) -> Answer:
        """The refusal of a call over the quota."""

    def serial_write_s(self) -> float | None:
        """Least time that a write holds its parent; None when writes under one parent may overlap."""

    def busy(self) -> Answer:
        """The refusal of a write while another one under the same parent is going on."""

    def trace(self) -> dict[str, str]:
        """Headers of every answer."""
