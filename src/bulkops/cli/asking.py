"""Showing a plan and asking before anything is sent."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator, Sequence

from bulkops.errors import RefusedError
from bulkops.wiring import Plan

LISTED = 10
"""So many names of a kind are shown; `--json` has more."""


def plan_text(plans: Sequence[Plan], target: str) -> str:
    """The plans, one after the other, and how the organisation was read for them."""
    lines = [_plan_lines(plan, target) for plan in plans]
    if plans and plans[-1].reads:
        lines.append("Read: " + "; ".join(plans[-1].reads))
    return "\n".join(lines)


def _plan_lines(plan: Plan, target: str) -> str:
    calls = "1 call" if plan.calls == 1 else f"{plan.calls:,} calls"
    lines = [f"Plan: {plan.operation} on target {target}"]
    lines.extend(f"  {number:,} to be {effect}" for effect, number in sorted(plan.effects.items()))
    lines.append(f"  {plan.ready:,} to send in {calls}" + ("" if plan.ready else ": nothing to do"))
    lines.extend(f"  {number:,} skipped: {code.replace('_', ' ')}" for code, number in sorted(plan.skipped.items()))
    if plan.removals:
        lines.append(f"  {len(plan.removals):,} removed although no row names them: {_listed(plan.removals)}")
    if plan.invalid:
        lines.append(f"  {plan.invalid:,} cannot be run")
    if plan.protected:
        lines.append(f"  {plan.protected:,} protected: {_listed([one.message for one in plan.protected_listed])}")
    if plan.ready:
        lines.append(f"  to take it back: {plan.undo}")
    return "\n".join(lines)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - LISTED:,} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more


def confirm(plans: Sequence[Plan], target: str, *, yes: bool) -> None:
    """Show the plans and ask. A destructive one asks for the number of items to be typed.

    Raises RefusedError when the answer is no, or when it must be asked and there is no terminal.
    """
    print(plan_text(plans, target), file=sys.stderr)
    changes = sum(plan.changes for plan in plans)
    if yes or not changes:
        return
    destructive = [plan.operation for plan in plans if plan.changes and (plan.destructive or plan.removals)]
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        if destructive:
            items = "1 item" if changes == 1 else f"{changes:,} items"
            raise RefusedError(
                f"{', '.join(destructive)} ({items}) needs a confirmation, and there is no terminal to ask on: look at "
                f"the plan above, then use --yes. Nothing was sent."
            )
        return
    if destructive:
        answer = _ask(f"Type the number of items, {changes}, to go on: ")
        if answer.replace(",", "").strip() != str(changes):
            raise RefusedError("not confirmed: nothing was sent")
    elif _ask("Go on? [y/N] ").strip().casefold() not in {"y", "yes"}:
        raise RefusedError("not confirmed: nothing was sent")


def _ask(question: str) -> str:
    with _interruptible():
        try:
            print(question, end="", file=sys.stderr, flush=True)
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
