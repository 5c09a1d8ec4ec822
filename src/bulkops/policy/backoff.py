"""How long to wait after a real fault, and how many retries a job may spend."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


def full_jitter(attempt: int, *, base_s: float, cap_s: float, draw: Callable[[], float]) -> float:
    """Seconds to wait after failed attempt number `attempt`; the first is 1.

    Spread evenly over [0, min(cap_s, base_s * 2**(attempt - 1))); `draw` is uniform on [0, 1).
    Raises ValueError if `attempt` is below 1.
    """
    if attempt < 1:
        raise ValueError(f"attempts count from 1, not {attempt}")
    return draw() * min(cap_s, base_s * 2.0 ** min(attempt - 1, 64))


@dataclass(slots=True)
class RetryBudget:
    """How many retries a run may spend on real faults: a share of its calls, and a floor to begin with.

    Throttling spends none of it. With the defaults a run of 100 calls may retry 30 times.
    """

    share: float = 0.2
    floor: int = 10
    calls: int = 0
    spent: int = 0

    def count_call(self) -> None:
        """A first attempt was sent: the budget grows by `share`."""
        self.calls += 1

    def take(self) -> bool:
        """Spend one retry; False when there is none left."""
        if self.spent >= self.floor + self.share * self.calls:
            return False
        self.spent += 1
        return True
