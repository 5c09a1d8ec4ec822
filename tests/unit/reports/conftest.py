"""A view of a run's record that says what a test tells it to, and reports written from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from bulkops.ledger.base import Claim, LedgerView
from bulkops.model import Counts, Outcome, Row, RowSet, Settled, State, Traffic
from bulkops.reports import ReportFiles, RunFacts, Summary, write_reports
from bulkops.reports.outcomes import RowOutcome

Run = tuple[int, int, Outcome]


@dataclass
class FakeView:
    """A `LedgerView` of `ended` runs and `claims`; begun rows are in doubt where `abandoned`."""

    total: int
    ended: Iterable[Run] = ()
    claims: Sequence[Claim] = ()
    abandoned: bool = False

    def counts(self) -> Counts:
        """Only what reports read from it."""
        open_rows = sum(len(claim.rows) for claim in self.claims if claim.doubt is not None or self.abandoned)
        return Counts(in_doubt=open_rows, pending=self.total - open_rows)

    def outcomes(self) -> Iterator[Settled]:
        """As they were given."""
        for first, last, outcome in self.ended:
            yield Settled(RowSet(((first, last),)), outcome)

    def open_claims(self) -> Sequence[Claim]:
        """As they were given."""
        return self.claims

    def traffic(self) -> Traffic:
        """None."""
        return Traffic()

    def note(self, key: str) -> str | None:
        """None."""
        return None


@pytest.fixture
def view_of() -> Callable[..., LedgerView]:
    """Makes a view: total, runs that ended, claims, abandoned."""
    return FakeView


@pytest.fixture
def report(tmp_path: Path) -> Callable[..., ReportFiles]:
    """Writes reports of the given cells, one outcome a row, into `tmp_path`."""

    def write(
        cells: Sequence[dict[str, object]],
        outcomes: Sequence[RowOutcome],
        *,
        columns: Sequence[str] | None = None,
        delimiter: str | None = ",",
        summary: Summary | None = None,
    ) -> ReportFiles:
        doubts = [
            Claim(number, RowSet.of([number]), 1, 0.0, doubt=outcome)
            for number, outcome in enumerate(outcomes, start=1)
            if isinstance(outcome, Outcome) and outcome.state is State.IN_DOUBT
        ]
        ended = [
            (number, number, outcome)
            for number, outcome in enumerate(outcomes, start=1)
            if isinstance(outcome, Outcome) and outcome.state.final
        ]
        return write_reports(
            tmp_path,
            view=FakeView(len(outcomes), ended, doubts),
            rows=[Row(number, number + 1, one) for number, one in enumerate(cells, start=1)],
            columns=list(cells[0]) if columns is None else columns,
            delimiter=delimiter,
            summary=summary or Summary("r1", "completed", "invite", "acme", counts_of(outcomes)),
            facts=RunFacts("2026-03-01T10:00:00Z", "2026-03-01T10:01:14Z", "0.1.0", source="people.csv"),
        )

    return write


def counts_of(outcomes: Sequence[RowOutcome]) -> Counts:
    """The counts of `outcomes`."""
    by_state = [outcome.state.label for outcome in outcomes]
    return Counts(*(by_state.count(name) for name in ("succeeded", "skipped", "failed", "in_doubt", "pending")))
