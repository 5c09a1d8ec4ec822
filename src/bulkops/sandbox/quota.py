"""Fixed windows on the clock, counted for each endpoint."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ticket:
    """The quota's word on one call. `reset`: epoch second at which the window ends; `left_ms`: until then."""

    admitted: bool
    limit: int
    remaining: int
    reset: int
    left_ms: int
    window_s: float = 60.0


class Quota:
    """At most `limit` calls of each endpoint in every window of `window_s` seconds.

    Windows start at multiples of their length, so a client can send twice the limit around a boundary.
    Refused calls do not count. `limit` None admits everything.
    """

    def __init__(self, limit: int | None, window_s: float, clock: Callable[[], float]) -> None:
        self.limit = limit
        self.window_s = window_s
        self._clock = clock
        self._used: dict[str, tuple[int, int]] = {}
        self.allowed = 0
        self.refused = 0

    def change(self, *, limit: int | None, window_s: float) -> None:
        """Take other numbers from now on; a new window length starts counting afresh."""
        if window_s != self.window_s:
            self._used.clear()
        self.limit, self.window_s = limit, window_s

    def clear(self) -> None:
        self._used.clear()
        self.allowed = self.refused = 0

    def take(self, endpoint: str) -> Ticket | None:
        """Count one call of `endpoint`; None when no quota is set."""
        if self.limit is None:
            return None
        now = self._clock()
        index = int(now // self.window_s)
        window, used = self._used.get(endpoint, (index, 0))
        used = used if window == index else 0
        admitted = used < self.limit
        used += admitted
        self.allowed += admitted
        self.refused += not admitted
        self._used[endpoint] = (index, used)
        end = (index + 1) * self.window_s
        reset = -int(-end // 1)
        return Ticket(
            admitted, self.limit, max(0, self.limit - used), reset, max(0, int((end - now) * 1000)), self.window_s
        )
