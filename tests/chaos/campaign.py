"""A campaign: rounds until the process was killed so often; the table; the commands that replay what went wrong."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path

from tests.chaos.habitats import HABITATS, PLAYS
from tests.chaos.killing import FILES, build_shim
from tests.chaos.mixture import POINTS, mix
from tests.chaos.rounds import Played, play
from tests.chaos.table import points, table, total

KILLS_A_ROUND = 4
ENOUGH_FOR_ALL_POINTS = 30
"""A campaign of so many kills must have died at every point."""


@dataclass(frozen=True, slots=True)
class Campaign:
    """What to play. `seed` is the first round's; the next rounds' are the numbers after it."""

    kills: int
    seed: int = 1
    vendor: str | None = None
    operation: str | None = None
    jobs: int = 2
    kills_a_round: int = KILLS_A_ROUND

    def replay(self, seed: int) -> str:
        """The command that plays one round again."""
        vendor = f" VENDOR={self.vendor}" if self.vendor else ""
        operation = f" OPERATION={self.operation}" if self.operation else ""
        kills = f" KILLS={self.kills_a_round}" if self.kills_a_round != KILLS_A_ROUND else ""
        return f"make chaos N=1 SEED={seed}{vendor}{operation}{kills}"


def fight(campaign: Campaign, folder: Path) -> list[Played]:
    """Play rounds, some side by side, until the process was killed often enough."""
    shim = build_shim(folder)
    seeds = count(campaign.seed)
    played: list[Played] = []
    with ThreadPoolExecutor(campaign.jobs) as pool:
        while (missing := campaign.kills - total(played).total()) > 0:
            rounds = -(-missing // campaign.kills_a_round)
            played.extend(pool.map(lambda seed: _play(campaign, seed, folder, shim), islice(seeds, rounds)))
    return played


def _play(campaign: Campaign, seed: int, folder: Path, shim: Path | None) -> Played:
    mixture = mix(seed, vendor=campaign.vendor, operation=campaign.operation, kills=campaign.kills_a_round)
    begun = time.monotonic()
    played = play(mixture, folder / f"round-{seed}", shim)
    where = ", ".join(f"{name} {number}" for name, number in played.kills.items()) or "nowhere"
    late = f"; too late for {', '.join(played.missed)}" if played.missed else ""
    what = f"{mixture.operation} + {mixture.beside}" if mixture.beside else mixture.operation
    what = f"{mixture.vendor} {what}"
    head = f"round {seed:>5}  {what:43} {played.rows:>4} rows {time.monotonic() - begun:>4.0f} s"
    print(f"{head}  killed: {where}{late}", file=sys.stderr, flush=True)
    for text in played.bad[:20]:
        print(f"    {text}", file=sys.stderr)
    if played.bad:
        print(f"    replay: {campaign.replay(seed)}; kept: {played.folder}", file=sys.stderr, flush=True)
    return played


def never_reached(campaign: Campaign, played: Sequence[Played], shim: bool) -> Iterator[str]:
    """Points at which the process never died, in a campaign that is long enough for all of them."""
    if campaign.vendor is not None or campaign.kills < ENOUGH_FOR_ALL_POINTS or campaign.operation is not None:
        return
    kills = total(played)
    for point in POINTS:
        if not kills[point] and (shim or point not in FILES):
            yield point


def main(argv: Sequence[str] | None = None) -> int:
    """Play a campaign from the command line. Returns 1 when anything was doubled, lost or wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("kills", type=int, help="how often the process is killed, at least")
    parser.add_argument("--seed", type=int, default=1, help="of the first round (default 1)")
    parser.add_argument("--vendor", choices=list(HABITATS), help="this one alone (default: all by turns)")
    parser.add_argument(
        "--operation", choices=sorted({kind for _, kind in PLAYS}), help="this one alone (default: all by turns)"
    )
    parser.add_argument("--jobs", type=int, default=2, help="rounds side by side (default 2)")
    parser.add_argument("--kills-a-round", type=int, default=KILLS_A_ROUND, help="default %(default)s")
    given = parser.parse_args(argv)
    campaign = Campaign(given.kills, given.seed, given.vendor, given.operation, given.jobs, given.kills_a_round)
    folder = Path(tempfile.mkdtemp(prefix="bulkops-chaos-"))
    played = fight(campaign, folder)
    print(f"\n{table(played)}\n\n{points(played)}")
    unreached = list(never_reached(campaign, played, build_shim(folder) is not None))
    for point in unreached:
        print(f"never killed at {point}")
    bad = [one for one in played if one.bad]
    for one in bad:
        seed, what = one.mixture.seed, f"{one.mixture.vendor} {one.mixture.operation}"
        print(f"FAILED round {seed} ({what}): {campaign.replay(seed)}")
        print(f"       {one.bad[0]}\n       kept: {one.folder}")
    return 1 if bad or unreached else 0
