"""What may be sent of one endpoint class now, for everybody who sends: one process, or all of a machine's.

An allotment is a plain value. Whoever wants to send takes some calls out of it, and tells it what came back.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

from bulkops.policy.pace import Pace
from bulkops.policy.quota import QuotaReading
from bulkops.policy.window import LONGEST_WAIT_S, Told, Window

PROBE_S = 2.0
"""So long the others wait for the answer of a probe; then the next one may be sent."""

SHORTEST_WAIT_S = 0.5
"""After a refusal nobody sends at once, even where the reset that it names has passed."""

PATIENCE = 3
"""After so many refusals without a word, one after the other, a window that is known is taken to be spent."""

MEMBER_S = 10.0
"""A process that asked for nothing for so long takes no part any more."""


@dataclass(frozen=True, slots=True)
class Grant:
    """`calls` may be sent until `until`; a `probe` alone. With none, `wait_s` says when to ask again."""

    calls: int = 0
    until: float = float("inf")
    probe: bool = False
    wait_s: float = 0.0
    held: bool = False  # waiting for a window, and not for one's turn
    ask_often: bool = False  # another process may learn at any time that the wait is over
    free: bool = False  # nothing limits the class: there is nothing to be counted


@dataclass(frozen=True, slots=True)
class Refusal:
    """What is known of a call that was refused.

    `to_minute_s` is how far the server's next full minute is, where windows mostly begin. `accepted` calls of the
    class were answered since `began`, in the last minute or two.
    """

    sent_at: float
    to_minute_s: float
    began: float
    accepted: int
    probe: bool = False


@dataclass(slots=True)
class Member:
    """A process that takes part until `until`, unless it asks again.

    `calls` are in its hand until `lease_until`; then they go back.
    """

    until: float
    calls: int = 0
    lease_until: float = 0.0


@dataclass(slots=True)
class Allotment:
    """One endpoint class of one account. All times in seconds on the machine's monotonic clock."""

    window: Window = field(default_factory=Window)
    pace: Pace = field(default_factory=Pace)
    hold_until: float = 0.0
    refused_at: float = float("-inf")
    unsure: bool = False
    probe_until: float = 0.0
    members: dict[str, Member] = field(default_factory=dict)

    @property
    def idle(self) -> bool:
        """Whether nothing is known that would limit anybody."""
        return not (self.window.known or self.pace.on or self.hold_until)

    def come(self, owner: str, now: float, *, unsent: int) -> None:
        """`owner` looks in, and puts back what it has in hand: `unsent` calls of its last grant.

        Comes before whatever else it does here.
        """
        member = self.members.setdefault(owner, Member(0.0))
        if member.calls:  # else its lease has ended, and all of it went back by itself
            self.window.give_back(min(unsent, member.calls))
        member.until, member.calls = now + MEMBER_S, 0
        for name, other in list(self.members.items()):
            self._expire(name, other, now)

    def take(self, owner: str, now: float, *, most: int, busy: int, latency_s: float) -> Grant:
        """Calls for `owner`, at most `most`; `busy` of its calls are in flight, and take `latency_s` each."""
        if now < self.hold_until:
            return Grant(wait_s=self.hold_until - now, held=True)
        if self.unsure or self.window.over(now):
            return self._probe(now)
        if self.window.known:
            if not (most := self._careful(now, most, busy=busy, latency_s=latency_s)):
                return Grant(wait_s=max(latency_s, 0.001))
            return self._take_of_window(self.members[owner], now, most)
        if self.pace.on:
            return self._take_of_pace(now)
        return Grant(free=True)

    def answered(
        self,
        owner: str,
        now: float,
        told: Told | None,
        *,
        reserve: float,
        accepted: int,
        unasked: int = 0,
        probe: bool = False,
    ) -> None:
        """`accepted` calls were answered since the last word, and the newest word on the window is `told`.

        `reserve` is the share of the limit that is left to the server's other clients. `unasked` calls were sent before
        `owner` knew of a quota: a window that another process has opened may not have counted them.
        """
        self.pace.accepted += accepted
        if probe:
            self._probe_was_accepted(now, told)
        if told is None:
            return
        kept = int(reserve * told.limit) if told.limit else 0
        if self.window.is_news(told, now, probed=probe):
            self._open(told, now, kept=kept)
            self.unsure = False
            self.pace.streak = 0
        elif not self.window.is_stale(told):
            self.window.correct(told, now, kept=kept, alone=self.members.keys() == {owner})
            self.window.take(now, unasked)

    def refused(self, now: float, reading: QuotaReading, refusal: Refusal) -> float:
        """The server refused a call for its rate. Returns the seconds to wait for.

        It is obeyed as it says; if it says nothing, a window that was all but spent is waited for; else waits grow
        from refusal to refusal. Calls that were in flight together are refused together: they count once.
        """
        if refusal.probe:
            self.end_probe()
        together = refusal.sent_at <= self.refused_at and not refusal.probe
        if not together:
            self.refused_at = now
        if reading.retry_after_s is not None:
            felt_s = 0.0 if together else self._feel(now, refusal)
            # "at once" from a server that has just refused is not believed
            self._hold(now, max(reading.retry_after_s, min(felt_s, SHORTEST_WAIT_S)))
        elif reading.reset_in_s is not None:
            self._hold_to_reset(now, reading, probe=refusal.probe)
        elif self.window.known and not self.window.over(now) and self._all_but_spent():
            self.window.spend(now)
        elif not together:
            self._hold(now, min(self._feel(now, refusal), refusal.to_minute_s))
        return max(self.hold_until - now, self.window.wait_s(now) if self.window.spent_at is not None else 0.0)

    def forget_window(self) -> None:
        """What is known of a window is wrong."""
        self.window = Window()
        for member in self.members.values():
            member.calls = 0

    def end_probe(self) -> None:
        """The probe has its answer, or was not sent: the next one may leave when there is need."""
        self.probe_until = 0.0

    def leave(self, owner: str) -> None:
        """`owner` sends no more."""
        self.members.pop(owner, None)

    def to_plain(self) -> dict[str, Any]:
        """As plain values, for a file."""
        return asdict(self)

    @classmethod
    def of_plain(cls, plain: dict[str, Any]) -> Allotment:
        """From what `to_plain` gave. Raises KeyError, TypeError or ValueError for anything else."""
        _require_like(_SAMPLE, plain)
        for member in plain["members"].values():
            _require_like(_SAMPLE_MEMBER, member)
        members = {name: Member(**member) for name, member in plain["members"].items()}
        refused_at = plain["refused_at"] if plain["refused_at"] is not None else float("-inf")
        kept = {"window": Window(**plain["window"]), "pace": Pace(**plain["pace"]), "members": members}
        return cls(**{**plain, **kept, "refused_at": refused_at})

    def _probe_was_accepted(self, now: float, told: Told | None) -> None:
        self.end_probe()
        self.unsure = False
        self.window.lag_s *= 0.8
        if told is None and self.window.over(now):
            self.window = Window(length_s=self.window.length_s)  # the server has stopped to tell
        if self.window.known:
            self.pace.streak = 0
        else:
            self.pace.accept(now)

    def _feel(self, now: float, refusal: Refusal) -> float:
        """A refusal that names no window: the pace feels it, and the next call is a probe."""
        self.unsure = True
        return self.pace.refuse(now, began=refusal.began, accepted=refusal.accepted)

    def _hold(self, now: float, wait_s: float) -> None:
        self.hold_until = max(self.hold_until, now + min(wait_s, LONGEST_WAIT_S))

    def _hold_to_reset(self, now: float, reading: QuotaReading, *, probe: bool) -> None:
        reset_in_s = reading.reset_in_s or 0.0
        if reset_in_s < SHORTEST_WAIT_S:
            self._hold(now, SHORTEST_WAIT_S)
            self.unsure = True
            return
        if probe and self.window.known and now >= self.window.ends:
            self.window.lag_s = min(1.0, max(0.05, 2.0 * self.window.lag_s))  # the probe came too early
        told = Told(reading.limit, 0, now + reset_in_s, reading.reset_at)
        if self.window.is_news(told, now, probed=probe):
            self._open(told, now, kept=0)
        elif not self.window.is_stale(told):
            self.window.spend(now)

    def _all_but_spent(self) -> bool:
        """Few were left, or the server went on to refuse: then it is the window, and no passing trouble."""
        return self.window.left <= (self.window.limit or 0) // 10 or self.pace.streak >= PATIENCE

    def _probe(self, now: float) -> Grant:
        """One call goes ahead to learn what is true now; everybody else waits for its answer, within bounds."""
        if now < self.probe_until:
            return Grant(wait_s=self.probe_until - now, ask_often=True)
        self.probe_until = now + PROBE_S
        return Grant(1, probe=True)

    def _open(self, told: Told, now: float, *, kept: int) -> None:
        """A window begins; what was in hand of the last one ends with it."""
        self.window.open(told, now, kept=kept)
        for member in self.members.values():
            member.calls = 0

    def _careful(self, now: float, most: int, *, busy: int, latency_s: float) -> int:
        """Where others use the quota too, its last calls leave one by one: only answers tell what they take."""
        unseen = self.window.rivals_in(2.0 * latency_s, now)
        if not unseen or self.window.left <= 0:
            return most
        return min(most, max(self.window.sure - unseen, 0 if busy else 1))

    def _take_of_window(self, member: Member, now: float, most: int) -> Grant:
        share = max(1, self.window.left // (2 * len(self.members)))
        calls = self.window.take(now, min(most, share))
        if not calls:
            returns = min((one.lease_until - now for one in self.members.values() if one.calls), default=LONGEST_WAIT_S)
            return Grant(wait_s=min(self.window.wait_s(now), returns), held=True)
        lease_s = min(5.0, max(0.5, self.window.length_s / 10.0))
        member.calls, member.lease_until = calls, min(now + lease_s, self.window.ends + self.window.lag_s)
        return Grant(calls, member.lease_until)

    def _take_of_pace(self, now: float) -> Grant:
        if wait_s := self.pace.wait_s(now):
            return Grant(wait_s=wait_s)
        return Grant(self.pace.take(now, 1.0 / len(self.members)), now + 1.0)

    def _expire(self, name: str, member: Member, now: float) -> None:
        """A process that was killed gives its share back."""
        if member.calls and member.lease_until <= now:
            if not self.window.over(now):
                self.window.give_back(member.calls)
            member.calls = 0
        if member.until <= now and not member.calls:
            del self.members[name]


_SAMPLE = {**asdict(Allotment()), "members": {}}
_SAMPLE_MEMBER = asdict(Member(0.0))


def _require_like(sample: Any, value: Any) -> None:
    """Raises ValueError where `value` has other kinds of things in it than `sample`; None stands for no number."""
    if isinstance(sample, dict):
        if not isinstance(value, dict) or (sample and sample.keys() != value.keys()):
            raise ValueError("not what was kept")
        for key, inner in sample.items():
            _require_like(inner, value[key])
    elif isinstance(sample, bool):
        if not isinstance(value, bool):
            raise ValueError("not what was kept")
    elif value is None:
        if sample is not None and math.isfinite(sample):
            raise ValueError("not what was kept")
    elif isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("not what was kept")
