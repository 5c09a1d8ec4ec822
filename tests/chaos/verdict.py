"""What a round proves: the reports against the organisation's own state and its count of effects."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.rows import Verb, Wanted
from tests.chaos.world import EffectKey, Fact

Row = Mapping[str, str]

GIVEN_UP = frozenset({"no_answer", "server_error", "broken_answer", "not_applied"})
"""Reasons of a row that nobody refused and that was not done, after all attempts."""


@dataclass(frozen=True, slots=True)
class Scene:
    """The organisation at one moment."""

    facts: frozenset[Fact]
    effects: Counter[EffectKey] = field(default_factory=Counter)

    def shows(self, row: Wanted) -> bool:
        """Whether what a row wants is so. A mail sent again leaves no other trace than its count."""
        if not row.adds and not row.removes:
            return row.effect is not None and self.effects[row.effect] > 0
        return row.adds <= self.facts and not row.removes & self.facts


@dataclass(slots=True)
class Verdict:
    """What is wrong with a round, in words, and how often each thing happened.

    `given_up` counts rows that nobody refused, and of which no call came through in all attempts.
    """

    doubled: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    in_doubt: int = 0
    given_up: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)

    @property
    def problems(self) -> list[str]:
        """Everything, in one list."""
        return [
            *(f"doubled: {text}" for text in self.doubled),
            *(f"lost: {text}" for text in self.lost),
            *(f"wrong: {text}" for text in self.wrong),
        ]


def done_among(rows: Sequence[Wanted], scene: Scene) -> int:
    """How many different changes of the job have happened."""
    return sum(scene.shows(same[0]) for same in _alike(rows).values())


def judge(rows: Sequence[Wanted], verb: Verb, before: Scene, after: Scene, run: Path) -> Verdict:
    """The verdict on a finished run in its folder `run`."""
    verdict = Verdict()
    results = read(run / "results.csv")
    failures = {row["_row"]: row for row in read(run / "failures.csv")}
    verdict.lost += _missing(rows, results)
    for number, (wanted, told) in enumerate(zip(rows, results, strict=False), 1):
        outcome = told["_outcome"]
        verdict.outcomes[outcome] += 1
        if outcome in {"pending", ""}:
            verdict.lost.append(f"row {number} has no outcome")
        if outcome in {"failed", "in_doubt"} and failures.get(told["_row"], {}).get("_outcome") != outcome:
            verdict.lost.append(f"row {number} is {outcome} and not named in failures.csv")
        verdict.wrong += [f"row {number} {dict(wanted.cells)}: {text}" for text in _untrue(wanted, told, rows, after)]
        verdict.given_up += outcome == "failed" and wanted.kind == "change" and not wanted.refused
    verdict.in_doubt = verdict.outcomes["in_doubt"]
    if verdict.in_doubt and verb.settles:
        verdict.wrong.append(
            f"{verdict.in_doubt} rows are left in doubt, and the organisation shows what became of them"
        )
    verdict.doubled += _doubled(rows, before, after)
    verdict.wrong += _unnamed(rows, before, after)
    return verdict


def _missing(rows: Sequence[Wanted], results: Sequence[Row]) -> Iterator[str]:
    """Rows that the report lacks, or tells in another row's place."""
    if len(rows) != len(results):
        yield f"the job has {len(rows)} rows, and results.csv has {len(results)}"
    for number, (wanted, told) in enumerate(zip(rows, results, strict=False), 1):
        if told["_row"] != str(number) or any(told[name] != cell for name, cell in wanted.cells.items()):
            yield f"row {number} of results.csv is not row {number} of the job"


def _untrue(wanted: Wanted, told: Row, rows: Sequence[Wanted], after: Scene) -> Iterator[str]:
    """How a row's outcome contradicts the organisation, or what the row was."""
    outcome, reason, so = told["_outcome"], f"{told['_error']} ({told['_message']})", after.shows(wanted)
    alone = sum(row.effect == wanted.effect for row in rows) == 1 or wanted.effect is None
    if wanted.kind == "already" and outcome != "skipped":
        yield f"was so before, and is reported {outcome}: {reason}"
    elif wanted.kind == "nobody" and outcome != "failed":
        yield f"names nobody, and is reported {outcome}: {reason}"
    elif wanted.kind != "change":
        return
    elif outcome == "succeeded" and not so:
        yield f"is reported succeeded, and is not so: {reason}"
    elif outcome == "skipped" and (alone or (told["_error"] != "duplicate_row" and not so)):
        yield f"is reported skipped: {reason}; and it is {'' if so else 'not '}so"
    elif outcome == "failed" and so and alone:
        yield f"is reported failed, and is so: {reason}"
    elif outcome == "failed" and not wanted.refused and told["_error"] not in GIVEN_UP:
        yield f"nobody refused it, and it is reported failed: {reason}"
    elif outcome == "succeeded" and wanted.refused:
        yield f"every call that carried it was refused, and it is reported succeeded: {reason}"


def _doubled(rows: Sequence[Wanted], before: Scene, after: Scene) -> Iterator[str]:
    """What took effect more often than there are different rows that want it, or on somebody whom no row names."""
    wanted = Counter(effect for effect, _, _ in _alike(rows))
    names = {name for name, _, _ in wanted}
    for effect, count in (after.effects - before.effects).items():
        if effect[0] in names and count > wanted[effect]:
            yield f"{effect} took effect {count} times, and {wanted[effect]} rows want it"


def _unnamed(rows: Sequence[Wanted], before: Scene, after: Scene) -> Iterator[str]:
    """What changed although no row names it."""
    named = frozenset(fact for row in rows for fact in row.adds | row.removes)
    for fact in sorted((before.facts ^ after.facts) - named):
        yield f"{fact} {'came to be' if fact in after.facts else 'is no longer so'}, and no row names it"


def _alike(rows: Sequence[Wanted]) -> Mapping[tuple[EffectKey, frozenset[Fact], frozenset[Fact]], list[Wanted]]:
    """Rows that change something, those that mean the same together."""
    found: dict[tuple[EffectKey, frozenset[Fact], frozenset[Fact]], list[Wanted]] = defaultdict(list)
    for row in rows:
        if row.effect is not None:
            found[row.effect, row.adds, row.removes].append(row)
    return found


def read(path: Path) -> list[Row]:
    """The rows of a report."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
