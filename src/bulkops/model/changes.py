"""The changes of an item's state: one constructor for each group of arrows, and no other way to make one.

docs/architecture.md draws the arrows and names the constructor of each.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Never, Self

from bulkops.model.outcomes import Outcome
from bulkops.model.rows import RowSet
from bulkops.model.states import FINAL, LEGAL, State

_PENDING, _BEGUN, _IN_DOUBT, _FAILED = State.PENDING, State.BEGUN, State.IN_DOUBT, State.FAILED
_CONCLUDED = LEGAL[_PENDING] & FINAL
_ANSWERED = LEGAL[_BEGUN] & FINAL
_GIVEN_UP = frozenset({_FAILED})
_FOUND = (LEGAL[_IN_DOUBT] & FINAL) - _GIVEN_UP
_DOUBT = frozenset({_IN_DOUBT})


_new = tuple.__new__


class Change(tuple[RowSet, State, State, Outcome | None]):
    """Rows that all stand at `old` come to `new`; `outcome` says how, where it is known.

    A tuple, because tens of thousands are made in a second and a frozen dataclass costs three times as much.
    The constructors raise ValueError for no rows, and for an outcome to which their arrows do not lead.
    """

    __slots__ = ()

    def __new__(cls, by_hand: Never) -> Self:
        """Raises TypeError: only the constructors below know what is legal."""
        raise TypeError("a change is made by one of its named constructors")

    @property
    def rows(self) -> RowSet:
        """Which rows change; at least one."""
        return self[0]

    @property
    def old(self) -> State:
        """Where they stand."""
        return self[1]

    @property
    def new(self) -> State:
        """Where they will stand."""
        return self[2]

    @property
    def outcome(self) -> Outcome | None:
        """Their end or their doubt; its state is the new one."""
        return self[3]

    @staticmethod
    def begun(rows: RowSet) -> Change:
        """Their request is about to leave."""
        return _change(rows, _PENDING, _BEGUN)

    @staticmethod
    def concluded(rows: RowSet, outcome: Outcome) -> Change:
        """They end without a call: skipped, or failed before anything was sent."""
        return _change_to(outcome, rows, _PENDING, _CONCLUDED)

    @staticmethod
    def given_back(rows: RowSet) -> Change:
        """The call certainly applied nothing to them."""
        return _change(rows, _BEGUN, _PENDING)

    @staticmethod
    def answered(rows: RowSet, outcome: Outcome) -> Change:
        """They end by their answer, or by the look that an opaque one asks for."""
        return _change_to(outcome, rows, _BEGUN, _ANSWERED)

    @staticmethod
    def doubted(rows: RowSet, doubt: Outcome | None) -> Change:
        """No answer tells what became of them; `doubt` is None where the process ended before it could say why."""
        return _change(rows, _BEGUN, _IN_DOUBT) if doubt is None else _change_to(doubt, rows, _BEGUN, _DOUBT)

    @staticmethod
    def still_doubted(rows: RowSet, doubt: Outcome) -> Change:
        """The organisation cannot say yet."""
        return _change_to(doubt, rows, _IN_DOUBT, _DOUBT)

    @staticmethod
    def found_applied(rows: RowSet, outcome: Outcome) -> Change:
        """The organisation shows that it is so: succeeded, or skipped where it became so by other means."""
        return _change_to(outcome, rows, _IN_DOUBT, _FOUND)

    @staticmethod
    def found_not_applied(rows: RowSet) -> Change:
        """The organisation shows that nothing happened: they will be sent again."""
        return _change(rows, _IN_DOUBT, _PENDING)

    @staticmethod
    def given_up(rows: RowSet, outcome: Outcome) -> Change:
        """Nothing happened, and they are not tried again."""
        return _change_to(outcome, rows, _IN_DOUBT, _GIVEN_UP)


def _change(rows: RowSet, old: State, new: State) -> Change:
    if not rows.runs:
        raise ValueError("no rows were named")
    return _new(Change, (rows, old, new, None))


def _change_to(outcome: Outcome, rows: RowSet, old: State, legal: Collection[State]) -> Change:
    new = outcome.state
    if new not in legal:
        raise ValueError(f"{old.label} rows cannot become {new.label} in this way")
    if not rows.runs:
        raise ValueError("no rows were named")
    return _new(Change, (rows, old, new, outcome))
