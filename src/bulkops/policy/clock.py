"""What time it is on the server, as its answers tell."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class ServerClock:
    """How far the server's clock (epoch seconds) is ahead of ours (any clock that runs evenly).

    A `Date` counts whole seconds and was written between sending and answer, so each one bounds the difference from
    both sides; together they narrow it down to about the time of a call. `least` is the lower bound: what is waited
    for by it is never too early.
    """

    least: float | None = None
    most: float = 0.0

    def note(self, date: float, *, sent: float, answered: float) -> None:
        """An answer carried `date`; `sent` and `answered` are on our clock."""
        least, most = date - answered, date + 1.0 - sent
        if self.least is None or least > self.most or most < self.least:
            self.least, self.most = least, most  # the first one, or a clock that was set: older ones count no more
        else:
            self.least, self.most = max(self.least, least), min(self.most, most)
