"""Saying in plain words what a run did."""

from __future__ import annotations

from datetime import UTC, datetime

from bulkops.model import Counts, shorten
from bulkops.reports.cells import one_line
from bulkops.reports.summary import Summary

_OPERATIONS = {
    "invite": ("Invite users", "invited"),
    "resend-invite": ("Resend invitations", "sent again"),
    "revoke-invite": ("Revoke invitations", "revoked"),
    "delete-user": ("Delete users", "deleted"),
    "disable-user": ("Disable users", "disabled"),
    "enable-user": ("Enable users", "enabled"),
    "assign-role-group": ("Assign role groups", "assigned"),
    "unassign-role-group": ("Unassign role groups", "unassigned"),
    "assign-role": ("Assign roles", "assigned"),
    "unassign-role": ("Unassign roles", "unassigned"),
    "add-team-member": ("Add team members", "added"),
    "remove-team-member": ("Remove team members", "removed"),
    "allowlist-add": ("Add to the allow list", "added"),
    "allowlist-remove": ("Remove from the allow list", "removed"),
    "allowlist-replace": ("Replace the allow list", "put on the list"),
    "create-role-group": ("Create role groups", "created"),
    "create-team": ("Create teams", "created"),
}


def title(operation: str) -> str:
    """`operation` as a heading."""
    known = _OPERATIONS.get(operation)
    return known[0] if known else one_line(operation).replace("-", " ").capitalize()


def done_word(operation: str) -> str:
    """What is true of a row of `operation` that succeeded, as in: invited."""
    known = _OPERATIONS.get(operation)
    return known[1] if known else "succeeded"


def result(operation: str, counts: Counts) -> str:
    """One line, as in: 4,812 invited, 150 skipped, 38 failed, 0 in doubt."""
    parts = [
        f"{counts.succeeded:,} {done_word(operation)}",
        f"{counts.skipped:,} skipped",
        f"{counts.failed:,} failed",
        f"{counts.in_doubt:,} in doubt",
    ]
    if counts.pending:
        parts.append(f"{counts.pending:,} not attempted")
    return ", ".join(parts)


def ending(summary: Summary) -> str:
    """How the run ended, in a few words."""
    if summary.state == "completed":
        found = {"failures": summary.counts.failed, "doubts": summary.counts.in_doubt}
        with_what = " and ".join(name for name, count in found.items() if count)
        return f"finished with {with_what}" if with_what else "finished"
    known = {"stopped": "stopped early", "refused": "refused, nothing was sent"}
    if summary.state == "refused" and (summary.counts.done or summary.counts.in_doubt):
        return "refused, nothing more was sent"
    return known.get(summary.state) or one_line(summary.state)


_WHOLE = frozenset({"allowlist-replace"})
"""Operations whose rows mean something only together."""


def next_steps(operation: str, counts: Counts) -> list[str]:
    """What is left to do, a sentence for each kind of row that is not done."""
    steps = []
    if counts.pending:
        steps.append(f"{number(counts.pending, 'row')} had no turn yet; resuming the run goes on with the rest.")
    if counts.in_doubt:
        steps.append(
            f"Of {number(counts.in_doubt, 'row')} nobody can say yet whether the change was made; resuming asks the "
            "provider before anything is sent again. What it cannot say either is for you to look up: then resume with "
            "--in-doubt done to record it as done, or --in-doubt not-done to send it again."
        )
    if counts.failed and operation in _WHOLE:
        steps.append(
            f"{number(counts.failed, 'row')} failed: correct the job file, and run all of it again. The failed rows "
            "alone would replace all that is there."
        )
    elif counts.failed:
        steps.append(
            f"{number(counts.failed, 'row')} failed: correct what can be corrected in failures.csv, which is itself "
            "a job file, and run that."
        )
    return steps or ["Nothing is left to do."]


def number(count: int, noun: str, plural: str = "") -> str:
    """`count` of something: 1 row, 2,000 rows."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def traffic(summary: Summary) -> str:
    """What was sent, in a line."""
    return (
        f"{number(summary.requests, 'call')} in {duration(summary.elapsed_s)}, "
        f"{summary.throttled:,} throttled, {number(summary.retries, 'retry', 'retries')}"
    )


def duration(seconds: float) -> str:
    """A stretch of time, as in: 4.2 s, 3 min 20 s, 2 h 5 min."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest_s = divmod(round(seconds), 60)
    hours, rest_min = divmod(minutes, 60)
    return f"{hours:,} h {rest_min} min" if hours else f"{minutes} min {rest_s} s"


def moment(text: str | None) -> str:
    """An ISO time in UTC, to the second; anything else as it is."""
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return shorten(one_line(text or ""))
    aware = found if found.tzinfo else found.replace(tzinfo=UTC)
    return aware.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
