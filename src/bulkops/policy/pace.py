"""A send rate for servers that do not tell their limit: it backs off when refused and climbs back by a cubic curve."""

from __future__ import annotations

from dataclasses import dataclass

BURST_S = 0.1
"""So much of a second's calls may leave at once."""

BACK_OFF = 0.9
"""The share of its level at which the rate begins again."""

LEAST = 0.8
"""One episode takes away no more than this of what was found before: a short one proves little."""

BEYOND = 1.02
FARTHEST = 3.0
"""So many climbs after its level was reached the rate begins to double with each: a limit that is not met is none."""

SHORTEST_CLIMB_S = 5.0
CLIMB_PAUSES = 5.0

LATE_S = 5.0
"""Who comes back so much later than they were to wait was not waiting: their process had ended."""


@dataclass(slots=True)
class Pace:
    """Calls a second under a limit that is only felt. Times in seconds, on one clock that runs evenly.

    There is no pace before the first refusal. A refusal opens a *pause* that ends when a call is accepted again; from
    pause to pause is an episode. What was accepted in an episode, over its whole time, cannot have been above the
    limit: that, and the rate at which the refusal came, give the *level*. From `BACK_OFF` of it the rate climbs along
    a cubic curve that is flat around the level and steeper beyond. The climb takes some times the longest pause, which
    is nearly a window of the server where it was met at full speed. `told_s` is the wait of the last refusal: whoever
    comes back long after it was killed meanwhile, and the time in which nobody called says nothing of the limit.
    """

    level: float = 0.0
    climb_s: float = 0.0
    accepted: int = 0
    began: float = 0.0
    paused_at: float = 0.0
    refused_at: float = 0.0
    longest_pause_s: float = 0.0
    next_slot: float = 0.0
    streak: int = 0
    told_s: float = 0.0

    @property
    def on(self) -> bool:
        """Whether a refusal was ever felt."""
        return self.level > 0.0 or self.paused

    @property
    def paused(self) -> bool:
        """Whether nobody may send before one call was accepted again."""
        return self.streak > 0

    def refuse(self, now: float, *, began: float, accepted: int) -> float:
        """Refused, for the first time or again after a wait: the pause goes on. Returns the seconds to wait for.

        The first wait is that of some calls, each further one twice as long. Where there was no pace yet, `accepted`
        calls since `began` are the first episode.
        """
        if not self.paused:
            self.paused_at = now
            if not self.level:
                self.began, self.accepted = began, accepted
        self.refused_at = now
        self.streak += 1
        first_s = min(1.0, max(0.1, 6.0 / self._at(now))) if self.level else 0.25
        self.told_s = float(first_s * 2.0 ** min(self.streak - 1, 20))
        return self.told_s

    def accept(self, now: float) -> None:
        """A call was accepted after a pause: the next episode begins, at a rate that the last one bore."""
        if not self.paused:
            return
        waited = now - self.refused_at <= 2.0 * self.told_s + LATE_S
        ended = now if waited else min(now, self.refused_at + self.told_s)
        # the server's window began somewhere between the last refusal and this answer
        episode_s = max((ended + self.refused_at) / 2.0 - self.began, 1e-3)
        borne = BEYOND * max(self.accepted, 1) / episode_s
        self.level = min(self._at(self.paused_at), max(borne, LEAST * self.level)) if self.level else borne
        self.longest_pause_s = max(ended - self.paused_at, 0.9 * self.longest_pause_s)
        self.climb_s = max(SHORTEST_CLIMB_S, CLIMB_PAUSES * self.longest_pause_s)
        self.began = self.next_slot = now
        self.accepted = self.streak = 0

    def rate(self, now: float) -> float:
        """Calls a second at `now`; infinite before the first refusal."""
        return self._at(now) if self.level else float("inf")

    def wait_s(self, now: float) -> float:
        """Seconds until the next call's turn; 0 when it is there."""
        return max(0.0, self.next_slot - now) if self.level else 0.0

    def take(self, now: float, share: float) -> int:
        """Take the calls of the next tenth of a second, or `share` of them; at least one. Returns how many."""
        rate = self._at(now)
        count = max(1, int(rate * BURST_S * share))
        self.next_slot = max(self.next_slot, now - BURST_S) + count / rate
        return count

    def _at(self, now: float) -> float:
        away = (now - self.began) / self.climb_s - 1.0 if self.climb_s else 0.0
        beyond: float = 2.0 ** min(max(0.0, away - FARTHEST), 60.0)
        return max(0.05, self.level * (1.0 + (1.0 - BACK_OFF) * min(away, FARTHEST) ** 3) * beyond)
