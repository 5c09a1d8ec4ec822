"""What may not be carried out, judged on the plan before the first write."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bulkops.errors import RefusedError
from bulkops.planning.plan import Plan

SMALLEST_POPULATION = 10
"""A share of fewer is no share: one of three is a third."""


class Limit(Protocol):
    """A count, or a share in percent; one of both is None."""

    @property
    def count(self) -> int | None: ...

    @property
    def percent(self) -> float | None: ...

    def exceeded(self, number: int, *, of: int) -> bool:
        """Whether `number` of `of` is more than it allows."""


def refuse_protected(plans: Sequence[Plan], *, skip_invalid: bool) -> None:
    """Raise RefusedError for accounts that may not be touched, and for the last administrators.

    With `skip_invalid` protected accounts are failed rows; the last administrators are refused all the same.
    """
    found = [decision for plan in plans for decision in plan.protected_listed]
    if found and not skip_invalid:
        count = sum(plan.protected for plan in plans)
        listed = "; ".join(decision.message for decision in found[:5])
        raise RefusedError(
            f"{count} of the rows may not be touched: {listed}. Take them out of the file, or use --skip-invalid to "
            f"report them as failed and run the others. Nothing was sent."
        )
    for plan in plans:
        if plan.last_administrators:
            raise RefusedError(
                f"{plan.operation} would leave the organisation without an administrator: the file names all "
                f"{len(plan.last_administrators)} ({', '.join(plan.last_administrators[:5])}). Nothing was sent."
            )


def refuse_changes(plans: Sequence[Plan], allowed: Limit, *, agreed_before: int = 0) -> None:
    """Raise RefusedError when `plans` together change more than `allowed`, with the numbers and what would allow it.

    `agreed_before` are the changes of the job's other operations, which count with a count. Shares of one population
    add up; where there are fewer than ten of something, its share is not asked for.
    """
    if allowed.percent is None:
        _refuse_more(sum(plan.changes for plan in plans) + agreed_before, None, plans, allowed)
        return
    changes: dict[int, int] = {}
    for plan in plans:
        if plan.population is None:
            raise RefusedError(
                f"{plan.operation}: --max-changes {allowed} is a share, and the provider gives no count to take it of: "
                f"use a count. Nothing was sent."
            )
        changes[plan.population] = changes.get(plan.population, 0) + plan.changes
    for population, number in changes.items():
        if population >= SMALLEST_POPULATION:
            _refuse_more(number, population, plans, allowed)


def _refuse_more(number: int, population: int | None, plans: Sequence[Plan], allowed: Limit) -> None:
    if not allowed.exceeded(number, of=number if population is None else population):
        return
    named = " + ".join(plan.operation for plan in plans if plan.changes)
    share = "" if population is None else f" of {population}"
    raise RefusedError(
        f"{named} changes {number}{share}, more than --max-changes {allowed}: nothing was sent. To allow exactly this "
        f"plan: --max-changes {sum(plan.changes for plan in plans)}"
    )
