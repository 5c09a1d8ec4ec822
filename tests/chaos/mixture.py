"""What a seed makes of a round: the operation, the faults, the service's habits, and where the process is killed."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bulkops.operations import OPERATIONS
from tests.chaos.habitat import Habitat
from tests.chaos.habitats import HABITATS, PLAYS
from tests.chaos.rows import Verb, Wanted

PEOPLE = 320

POINTS = (
    "before-begin", "after-begin", "sent", "answered", "before-settle", "before-commit", "log-write", "checkpoint",
    "reports", "reconcile-read", "reconcile-settle",
)  # fmt: skip
"""Where the process dies of itself; see `launcher` for what each means."""

AHEAD = "claimed-ahead"
"""One more point, of the operations that claim a window of rows at once: few of its calls have left by then."""

RANDOM = "random"

SCRIPTS: Sequence[Sequence[str]] = (
    ("after-begin", "reconcile-settle"),
    ("sent", "reconcile-read"),
    ("answered", "checkpoint"),
    ("before-begin", "before-commit"),
    ("before-settle", "log-write"),
    (RANDOM, "checkpoint"),
    (RANDOM, "reports"),
    (RANDOM, RANDOM),
)
"""The first two kills of a round; what is in doubt after the first is what the second may interrupt."""

NTH: Mapping[str, tuple[int, int]] = {
    "before-begin": (1, 6), "after-begin": (1, 6), "sent": (1, 6), "answered": (1, 6), "before-settle": (1, 6),
    "before-commit": (2, 9), "log-write": (8, 60), "checkpoint": (3, 14), "reports": (1, 4),
    "reconcile-read": (1, 3), "reconcile-settle": (1, 1), AHEAD: (1, 4),
}  # fmt: skip
"""At which passage, from and to."""


@dataclass(frozen=True, slots=True)
class Kill:
    """One `kill -9`: at the `nth` passage of a point, or `calls` calls and `wait_s` seconds into the session."""

    point: str = RANDOM
    nth: int = 1
    calls: int = 0
    wait_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Mixture:
    """A round. Times in seconds; `token_ttl` and `quota` are None where there is no such limit.

    `beside` is the operation that some rows name for themselves; None where all are of the one.
    """

    seed: int
    vendor: str
    operation: str
    beside: str | None
    kills: tuple[Kill, ...]
    settling_s: float
    latency_ms: float
    batch_size: int
    concurrency: int
    login: str
    token_ttl: float | None
    quota: int | None
    quirks: Mapping[str, Any]

    @property
    def habitat(self) -> Habitat:
        """The vendor's world."""
        return HABITATS[self.vendor]

    @property
    def verb(self) -> Verb:
        """How the operation is put to the test."""
        return self.habitat.verbs[self.operation]

    @property
    def verbs(self) -> list[Verb]:
        """All that the job does."""
        return [self.verb, *([self.habitat.verbs[self.beside]] if self.beside else [])]


def mix(seed: int, *, vendor: str | None = None, operation: str | None = None, kills: int = 4) -> Mixture:
    """The round of a seed: the same for the same arguments, also for fewer `kills` up to where they end.

    Raises LookupError where no vendor, or not this one, has the operation.
    """
    dice = random.Random(f"round {seed}")
    plays = [one for one in PLAYS if vendor in {None, one[0]} and operation in {None, one[1]}]
    if not plays:
        raise LookupError(f"{vendor} has no {operation}")
    name, chosen = plays[seed % len(plays)]
    habitat = HABITATS[name]
    login = dice.choice([habitat.standing, *habitat.logins])
    quirks = {name: dice.choice(values) for name, values in habitat.quirks.items() if dice.random() < 0.4}
    settling_s = dice.choice([0.4, 0.5, 0.5, 1.6])
    return Mixture(
        seed=seed,
        vendor=name,
        operation=chosen,
        beside=_beside(habitat, chosen, seed),
        settling_s=settling_s,
        latency_ms=dice.uniform(6, 14),
        batch_size=dice.randint(2, 7),
        concurrency=dice.randint(2, 5),
        login=login,
        token_ttl=dice.choice([None, 0.8, 1.6]) if login != habitat.standing else None,
        quota=dice.choice([None, None, 25, 60] if habitat.tells_quota else [None]),
        quirks={**quirks, **habitat.settings},
        kills=tuple(_kills(dice, seed, kills, chosen, whole=habitat.verbs[chosen].whole)),
    )


def _beside(habitat: Habitat, kind: str, seed: int) -> str | None:
    mixed = not habitat.verbs[kind].whole and random.Random(f"beside {seed}").random() < 0.3
    return habitat.beside(kind) if mixed else None


def _kills(dice: random.Random, seed: int, count: int, kind: str, *, whole: bool) -> list[Kill]:
    script = SCRIPTS[seed % len(SCRIPTS)]
    if OPERATIONS[kind].probed:
        script = (AHEAD, *script[1:])
    names = [*script, *(dice.choice([RANDOM] * len(POINTS) + [*POINTS]) for _ in range(8))]
    drawn = [_kill(dice, name, whole=whole) for name in names]
    return drawn[:count]


def _kill(dice: random.Random, point: str, *, whole: bool) -> Kill:
    low, high = NTH.get(point, (1, 1))
    nth = dice.randint(low, high)
    if whole and point not in {"log-write", "checkpoint", "reports", "before-commit"}:
        nth = 1  # there is but one write
    calls = dice.randint(1, 12) if whole else dice.randint(1, 45)
    return Kill(point, nth, calls, dice.choice([0.0, dice.uniform(0, 0.03)]))


def faults_of(mixture: Mixture, rows: Sequence[Wanted]) -> list[dict[str, Any]]:
    """Rules for calls that go wrong. Rows that are refused come first: nothing else may happen to their calls.

    No effect comes later than half of the time that the target is told it may take: the rest is for slow machines.
    """
    dice = random.Random(f"faults {mixture.seed}")
    verb = mixture.verb
    write = {"method": verb.method, "path": verb.path}
    writes = [{"method": one.method, "path": one.path} for one in mixture.verbs]
    late_s = mixture.settling_s / 2
    status = dice.choice([400, 404, 409, 422])
    refusals = [
        {**write, **row.marks, "kind": "status", "status": status, "body": {"message": "This one is not wanted here"}}
        for row in rows
        if row.refused
    ]
    lost = dice.uniform(0.02, 0.12)
    kinds: list[dict[str, Any]] = [
        {"kind": "lose_before", "probability": lost},
        {"kind": "lose_after", "probability": lost},
        {"kind": "apply_late", "probability": lost, "seconds": dice.uniform(0.1, 1) * late_s},
        {"kind": "status", "status": dice.choice([500, 502, 504]), "body": "Bad Gateway", "probability": lost / 2},
        {"kind": "status_after", "status": dice.choice([500, 502, 504]), "body": "upstream", "probability": lost},
        {"kind": "break_body", "probability": lost},
        {"kind": "html", "probability": lost / 2},
        {"kind": "html", "applied": True, "probability": lost / 2},
        {"kind": "refuse", "probability": lost / 2},
        {"kind": "status", "status": 401, "body": "Unauthorized", "probability": 0.03, "times": 3},
        _throttled(dice, mixture.habitat),
        {"kind": "delay_before", "probability": 0.2, "seconds": dice.uniform(0.1, 1) * late_s},
        {"kind": "delay_after", "probability": 0.3, "seconds": dice.uniform(0.02, 0.1)},
    ]
    if not any(
        one.itemised for one in mixture.verbs
    ):  # an answer that names its rows would lie about them, and nothing else could tell
        kinds.append({"kind": "partial", "share": dice.choice([0.5, 0.8]), "probability": 0.1})
    if not mixture.habitat.tells_quota:
        kinds = [rule for rule in kinds if rule.get("status") not in mixture.habitat.throttling]
    if mixture.login == mixture.habitat.standing:
        kinds = [rule for rule in kinds if rule.get("status") != 401]  # a token that cannot be renewed ends the run
    chosen = [{**one, **rule} for rule in kinds if dice.random() < 0.6 for one in writes]
    reads = [{"method": "GET", **rule} for rule in _of_reads(dice, mixture.habitat.reads)]
    return [*refusals, *chosen, *reads]


def _throttled(dice: random.Random, habitat: Habitat) -> dict[str, Any]:
    """The vendor asks to wait; the wait is short, so that the campaign is."""
    return {
        "kind": "status",
        "status": dice.choice(habitat.throttling),
        "headers": {"Retry-After": dice.choice(["0", "1"])},
        "probability": 0.04,
        "times": 4,
    }


def _of_reads(dice: random.Random, path: str) -> list[dict[str, Any]]:
    kinds: list[dict[str, Any]] = [
        {"kind": "lose_before", "path": path, "probability": 0.02},
        {"kind": "status", "path": path, "status": 502, "body": "", "probability": 0.02},
        {"kind": "html", "path": path, "probability": 0.02},
        {"kind": "break_body", "path": path, "probability": 0.02},
        {"kind": "delay_before", "path": path, "probability": 0.1, "seconds": 0.03},
    ]
    return [rule for rule in kinds if dice.random() < 0.4]
