"""How an attempt at an item ended, with one constructor for each ending."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from bulkops.errors import AttemptError
from bulkops.model.rows import RowSet
from bulkops.model.states import FINAL, State

_SUCCEEDED = State.SUCCEEDED
_ENDINGS = FINAL | {State.IN_DOUBT}


class Verdict(Enum):
    """What a look at the organisation says about an item in doubt."""

    APPLIED = "applied"
    NOT_APPLIED = "not_applied"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of an item, or its doubt. Made by the constructors below; by hand only from what a ledger stored.

    `code` is the stable word of the `_error` column ("" for a success, and for nothing else), `message` is the
    provider's own text or ours, free of secrets; `attempts` counts tries that were sent.
    Raises ValueError for anything else: a row that is pending or begun has no outcome.
    """

    state: State
    code: str = ""
    message: str = ""
    attempts: int = 0
    http_status: int | None = None
    request_id: str | None = None

    def __post_init__(self) -> None:
        if self.state not in _ENDINGS:
            raise ValueError(f"{self.state.label} is no outcome")
        if (self.code == "") is not (self.state is _SUCCEEDED):
            raise ValueError(f"{self.state.label} with the code {self.code!r}: a success alone has none")
        if self.attempts < 0:
            raise ValueError(f"{self.attempts} attempts are no number of attempts")

    @classmethod
    def succeeded(
        cls, *, attempts: int, message: str = "", http_status: int | None = None, request_id: str | None = None
    ) -> Outcome:
        """The provider has it as the item wanted it, through this run."""
        return cls(State.SUCCEEDED, "", message, attempts, http_status, request_id)

    @classmethod
    def skipped(cls, code: str, message: str, *, attempts: int = 0) -> Outcome:
        """Nothing had to be done: already so, or another row of the file does it."""
        return cls(State.SKIPPED, code, message, attempts)

    @classmethod
    def failed(
        cls,
        code: str,
        message: str,
        *,
        attempts: int = 0,
        http_status: int | None = None,
        request_id: str | None = None,
    ) -> Outcome:
        """Given up for good, with the reason."""
        return cls(State.FAILED, code, message, attempts, http_status, request_id)

    @classmethod
    def failed_by(cls, error: AttemptError, *, attempts: int) -> Outcome:
        """Given up for good because of `error`."""
        return cls.failed(
            error.code,
            str(error),
            attempts=attempts,
            http_status=error.http_status,
            request_id=error.request_id,
        )

    @classmethod
    def in_doubt(
        cls,
        code: str,
        message: str,
        *,
        attempts: int,
        http_status: int | None = None,
        request_id: str | None = None,
    ) -> Outcome:
        """Sent, and nobody could say whether it happened. Not final: a later look may settle it."""
        return cls(State.IN_DOUBT, code, message, attempts, http_status, request_id)


class Settled(NamedTuple):
    """The rows that ended alike."""

    rows: RowSet
    outcome: Outcome
