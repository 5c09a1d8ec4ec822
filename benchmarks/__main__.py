"""`python -m benchmarks`: all measurements, or those named. `--quick` takes some three minutes, all most of an hour."""

from __future__ import annotations

import argparse
import functools
import sys
import time
from pathlib import Path

from benchmarks import engine, growth, ledger, measure, paging, peers, picture, quota, startup, validate

ALL = {
    "startup": startup.main,
    "validate": validate.main,
    "engine": engine.main,
    "ledger": ledger.main,
    "quota": quota.main,
    "paging": paging.main,
    "growth": growth.main,
    "peers": peers.main,
}


def main() -> int:
    """Measure, and print tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure bulkops; asserts nothing.")
    parser.add_argument("what", nargs="*", choices=[*ALL, []], help=f"any of {', '.join(ALL)}; all without it")
    parser.add_argument("--quick", action="store_true", help="smaller jobs and one repeat: to see that it works")
    parser.add_argument("--repeats", type=int, help="how often each is measured (default 5, quick 1)")
    parser.add_argument("--rows", type=int, help="the largest job of growth (default 1000000, quick 10000)")
    parser.add_argument("--pictures", type=Path, default=measure.OUT, help="folder for pictures (default %(default)s)")
    given = parser.parse_args()
    repeats = given.repeats or (1 if given.quick else 5)
    picture.FOLDER = given.pictures
    facts = measure.machine()
    print(", ".join(f"{name} {value}" for name, value in facts.items() if name != "versions"))
    print(", ".join(f"{name} {value}" for name, value in measure.machine()["versions"].items()))  # type: ignore[attr-defined]
    started = time.monotonic()
    for name in given.what or ALL:
        begun = time.monotonic()
        chosen = functools.partial(growth.main, rows=given.rows) if name == "growth" else ALL[name]
        chosen(quick=given.quick, repeats=repeats)
        print(f"  ({name}: {time.monotonic() - begun:.0f} s)", flush=True)
    print(f"\n{time.monotonic() - started:.0f} s; figures also in {measure.OUT}, pictures in {picture.FOLDER}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
