"""`python -m benchmarks`: all measurements, or those named. `--quick` takes about a minute, all about ten."""

from __future__ import annotations

import argparse
import sys
import time

from benchmarks import engine, measure, quota, startup, validate

ALL = {"startup": startup.main, "validate": validate.main, "engine": engine.main, "quota": quota.main}


def main() -> int:
    """Measure, and print tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure bulkops; asserts nothing.")
    parser.add_argument("what", nargs="*", choices=[*ALL, []], help=f"any of {', '.join(ALL)}; all without it")
    parser.add_argument("--quick", action="store_true", help="smaller jobs and one repeat: to see that it works")
    parser.add_argument("--repeats", type=int, help="how often each is measured (default 5, quick 1)")
    given = parser.parse_args()
    repeats = given.repeats or (1 if given.quick else 5)
    facts = measure.machine()
    print(", ".join(f"{name} {value}" for name, value in facts.items() if name != "versions"))
    print(", ".join(f"{name} {value}" for name, value in measure.machine()["versions"].items()))  # type: ignore[attr-defined]
    started = time.monotonic()
    for name in given.what or ALL:
        ALL[name](quick=given.quick, repeats=repeats)
    print(f"\n{time.monotonic() - started:.0f} s; figures also in {measure.OUT}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
