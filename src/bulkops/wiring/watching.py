"""What a run shows of itself while it works, and whom it asks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from bulkops.model import Counts, Job
from bulkops.planning import Plan
from bulkops.transport import Waiting


@dataclass(frozen=True, slots=True)
class Progress:
    """What is true of a run at this moment, for a screen."""

    run_id: str
    operation: str
    target: str
    phase: str
    counts: Counts
    requests: int
    waiting: Waiting | None
    elapsed_s: float


class Observer(Protocol):
    """Who watches a run. Its calls are quick and never fail."""

    def started(self, look: Callable[[], Progress]) -> None:
        """Work begins; `look` may be called at any time until `ended`."""

    def ended(self) -> None:
        """Work has ended; `look` may not be called any more."""

    async def confirm(self, plans: Sequence[Plan], job: Job) -> None:
        """Show the plans, one for each operation in its order, and ask.

        Raises RefusedError when the answer is no, or nobody can be asked.
        """

    def refused(self, plans: Sequence[Plan], job: Job) -> None:
        """These plans are refused: the reason follows."""

    def warn(self, text: str) -> None:
        """Something worth knowing that stops nothing."""
