"""The states of an item and the arrows between them.

docs/architecture.md draws the same diagram and explains each arrow; `changes` makes the values that follow them.
"""

from __future__ import annotations

from enum import IntEnum


class State(IntEnum):
    """Where an item stands. The numbers are stored in ledgers: never change one."""

    PENDING = 0
    BEGUN = 1
    IN_DOUBT = 2
    SUCCEEDED = 3
    SKIPPED = 4
    FAILED = 5

    @property
    def label(self) -> str:
        """The word that reports and `--json` use."""
        return self.name.lower()

    @property
    def final(self) -> bool:
        """True for a state that nothing changes any more."""
        return self in FINAL


FINAL = frozenset({State.SUCCEEDED, State.SKIPPED, State.FAILED})

LEGAL: dict[State, frozenset[State]] = {
    # planned away (already so, duplicate, invalid), or claimed for a call
    State.PENDING: frozenset({State.BEGUN, State.SKIPPED, State.FAILED}),
    # answered, given back untouched (throttled, refused before it left), or left without an answer
    State.BEGUN: frozenset({State.SUCCEEDED, State.SKIPPED, State.FAILED, State.PENDING, State.IN_DOUBT}),
    # the provider was asked: it happened, it did not (send again, or give up), or it still cannot say
    State.IN_DOUBT: frozenset({State.SUCCEEDED, State.SKIPPED, State.FAILED, State.PENDING, State.IN_DOUBT}),
    State.SUCCEEDED: frozenset(),
    State.SKIPPED: frozenset(),
    State.FAILED: frozenset(),
}
