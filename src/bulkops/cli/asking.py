"""Showing a plan and asking before anything is sent."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import anyio

from bulkops.cli.output import say
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
    lines = [f"Plan: {plan.operation} on target {target}" + (f", {plan.scope}" if plan.scope else "")]
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
    if plan.forecast:
        lines.append(f"  forecast: {plan.forecast}")
    if plan.caution:
        lines.append(f"  CAUTION: {plan.caution}")
    return "\n".join(lines)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - LISTED:,} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more


async def confirm(plans: Sequence[Plan], target: str, *, yes: bool) -> None:
    """Show the plans and ask. A destructive one asks for the number of items to be typed.

    Raises RefusedError when the answer is no, or when it must be asked and there is no terminal.
    """
    say(plan_text(plans, target))
    changes = sum(plan.changes for plan in plans)
    if yes or not changes:
        return
    destructive = [
        plan.operation for plan in plans if plan.changes and (plan.destructive or plan.removals or plan.caution)
    ]
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        if destructive:
            items = "1 item" if changes == 1 else f"{changes:,} items"
            raise RefusedError(
                f"{', '.join(destructive)} ({items}) needs a confirmation, and there is no terminal to ask on: look at "
                f"the plan above, then use --yes. Nothing was sent."
            )
        return
    if destructive:
        answer = await _ask(f"Type the number of items, {changes}, to go on: ")
        if answer.replace(",", "").strip() != str(changes):
            raise RefusedError("not confirmed: nothing was sent")
    elif (await _ask("Go on? [y/N] ")).strip().casefold() not in {"y", "yes"}:
        raise RefusedError("not confirmed: nothing was sent")


async def confirm_removal(count: int, *, yes: bool) -> None:
    """Ask for the number of runs to be typed. Raises RefusedError when the answer is no, or nobody can be asked."""
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise RefusedError("removing runs needs a confirmation, and there is no terminal to ask on: use --yes")
    answer = await _ask(f"Type the number of runs, {count}, to remove them: ")
    if answer.replace(",", "").strip() != str(count):
        raise RefusedError("not confirmed: nothing was removed")


async def confirm_writing(*, yes: bool) -> None:
    """Ask whether to write what was shown. Raises RefusedError when the answer is no, or nobody can be asked."""
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise RefusedError("writing this needs a confirmation, and there is no terminal to ask on: use --yes")
    if (await _ask("Write this? [y/N] ")).strip().casefold() not in {"y", "yes"}:
        raise RefusedError("not confirmed: nothing was changed")


async def _ask(question: str) -> str:
    """A line from the terminal. Meanwhile signals are heard and the run's lock is renewed."""
    print(question, end="", file=sys.stderr, flush=True)
    terminal = sys.stdin.fileno()
    line = b""
    while not line.endswith(b"\n"):
        await anyio.wait_readable(terminal)
        piece = os.read(terminal, 1024)
        if not piece:
            break
        line += piece
    return line.decode("utf-8", "replace")
