"""What a campaign came to, as a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from tests.chaos.habitats import PLAYS
from tests.chaos.mixture import RANDOM
from tests.chaos.rounds import Played

HEADER = (
    "operation", "rounds", "kills", "random", "at points", "rows", "in doubt at a kill", "settled", "left, named",
    "given up", "doubled", "lost", "wrong",
)  # fmt: skip


def table(played: Sequence[Played]) -> str:
    """A line for each operation of each vendor, and one for all."""
    by_play = {play: [one for one in played if (one.mixture.vendor, one.mixture.operation) == play] for play in PLAYS}
    lines: list[Sequence[object]] = [HEADER]
    lines += [(" ".join(play), *_numbers(rounds)) for play, rounds in by_play.items() if rounds]
    lines.append(("all", *_numbers(played)))
    widths = [max(len(str(line[column])) for line in lines) for column in range(len(HEADER))]
    return "\n".join(
        "  ".join(str(cell).ljust(width) if at == 0 else str(cell).rjust(width) for at, (cell, width) in cells)
        for line in lines
        if (cells := list(enumerate(zip(line, widths, strict=True))))
    )


def points(played: Sequence[Played]) -> str:
    """How often the process died where."""
    kills = total(played)
    return "killed: " + ", ".join(f"{name} {count}" for name, count in sorted(kills.items()))


def total(played: Sequence[Played]) -> Counter[str]:
    """Kills by where they took place."""
    return sum((one.kills for one in played), Counter())


def _numbers(rounds: Sequence[Played]) -> Iterator[int]:
    kills = total(rounds)
    doubts = sum(one.doubts for one in rounds)
    left = sum(one.verdict.in_doubt for one in rounds)
    yield len(rounds)
    yield kills.total()
    yield kills[RANDOM]
    yield kills.total() - kills[RANDOM]
    yield sum(one.rows for one in rounds)
    yield doubts
    yield doubts - left
    yield left
    yield sum(one.verdict.given_up for one in rounds)
    yield sum(len(one.verdict.doubled) for one in rounds)
    yield sum(len(one.verdict.lost) for one in rounds)
    yield sum(len(one.verdict.wrong) + len(one.problems) for one in rounds)
