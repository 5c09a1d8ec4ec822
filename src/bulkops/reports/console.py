"""The closing block of a run, as plain text for a terminal or a log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bulkops.model import State
from bulkops.reports.cells import one_line, visible
from bulkops.reports.codes import explain
from bulkops.reports.digest import shown
from bulkops.reports.summary import ErrorCount, Summary
from bulkops.reports.words import ending, number, result, traffic

TOP_ERRORS = 5
_SAMPLE_LIMIT = 160


def console_summary(summary: Summary, by_error: Sequence[ErrorCount] = ()) -> str:
    """Counts, the most frequent errors, where the reports are and what to type next; lines end by a line feed."""
    blocks = (
        [f"{one_line(summary.operation)} on {one_line(summary.target)}: {ending(summary)}", *_figures(summary)],
        list(_errors([error for error in by_error if error.state is not State.SKIPPED])),
        list(_places(summary)),
    )
    return "\n".join("\n".join(block) + "\n" for block in blocks if block)


def _figures(summary: Summary) -> Iterator[str]:
    yield f"  {result(summary.operation, summary.counts)} (of {number(summary.counts.total, 'row')})"
    yield f"  {traffic(summary)}"
    if summary.reason:
        yield f"  reason: {one_line(summary.reason)}"


def _errors(errors: Sequence[ErrorCount]) -> Iterator[str]:
    shown_errors = errors[:TOP_ERRORS]
    width = max((len(f"{error.count:,}") for error in shown_errors), default=0)
    for error in shown_errors:
        doubt = " (in doubt)" if error.state is State.IN_DOUBT else ""
        yield f"  {error.count:>{width},}  {one_line(error.code)}{doubt}: {one_line(explain(error.code).meaning)}"
        if error.message:
            yield f"  {'':{width}}  e.g. {shown(error.message, _SAMPLE_LIMIT)}"
    if len(errors) > TOP_ERRORS:
        yield f"  {'':{width}}  and {number(len(errors) - TOP_ERRORS, 'further kind')}, see the report"


def _places(summary: Summary) -> Iterator[str]:
    rows_left = summary.counts.failed or summary.counts.in_doubt
    if summary.failures_file and rows_left:
        yield f"  failures  {visible(summary.failures_file)}"
    if summary.report_file:
        yield f"  report    {visible(summary.report_file)}"
    if summary.next_command:
        yield f"  next      {visible(summary.next_command)}"
    if summary.next_command and summary.counts.in_doubt and not summary.counts.pending:
        yield "            what stays in doubt is for you to look up: add --in-doubt done, or not-done to send it again"
