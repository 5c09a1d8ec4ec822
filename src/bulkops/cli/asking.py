"""Showing a plan and asking before anything is sent."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator

from bulkops.errors import RefusedError
from bulkops.model import Job
from bulkops.wiring import Operation, Plan


def plan_text(plan: Plan, target: str, operation: Operation) -> str:
    """The plan in a few lines."""
    lines = [
        f"Plan: {operation.kind} on target {target}",
        f"  {plan.ready:,} to send in {plan.calls:,} calls",
    ]
    lines.extend(f"  {number:,} skipped: {code.replace('_', ' ')}" for code, number in sorted(plan.skipped.items()))
    if plan.invalid:
        lines.append(f"  {plan.invalid:,} cannot be run and will be reported as failed")
    if plan.protected:
        lines.append(f"  {plan.protected:,} protected and will be reported as failed")
    lines.append(f"  to take it back: {operation.undo}")
    return "\n".join(lines)


def confirm(plan: Plan, job: Job, operation: Operation, *, yes: bool) -> None:
    """Show the plan and ask. A destructive operation asks for the number of items to be typed.

    Raises RefusedError when the answer is no, or when it must be asked and there is no terminal.
    """
    print(plan_text(plan, job.target, operation), file=sys.stderr)
    if yes or not plan.ready:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        if operation.destructive:
            raise RefusedError(
                f"{operation.kind} of {plan.ready} items needs a confirmation, and there is no terminal to ask on: "
                f"look at the plan above, then use --yes. Nothing was sent."
            )
        return
    if operation.destructive:
        answer = _ask(f"Type the number of items, {plan.ready}, to go on: ")
        if answer.replace(",", "").strip() != str(plan.ready):
            raise RefusedError("not confirmed: nothing was sent")
    elif _ask("Go on? [y/N] ").strip().casefold() not in {"y", "yes"}:
        raise RefusedError("not confirmed: nothing was sent")


def _ask(question: str) -> str:
    print(question, end="", file=sys.stderr, flush=True)
    with _interruptible():
        try:
            return sys.stdin.readline()
        except KeyboardInterrupt:
            print(file=sys.stderr)
            raise RefusedError("not confirmed: nothing was sent") from None


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C at a prompt means no; elsewhere it is the run's own polite stop, which a blocked prompt would not see."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
