"""Run everything, print where it is, and write the sections of docs/PERFORMANCE.md: `make bench-e2e`.

    python -m benchmarks.end_to_end [--rounds 5] [--jobs 120] [--only NAME,NAME] [--skip PART,PART]
    python -m benchmarks.end_to_end --page benchmarks/results/FILE.json

Each step's figures are in benchmarks/results/ when it ends. A run that was cut short, or given --only or
--skip, prints its tables and leaves docs/ alone; --page writes docs/ from any run's file.
"""

import argparse
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from benchmarks.end_to_end import contest, growth, page, single
from benchmarks.end_to_end.contestants import ALL
from benchmarks.end_to_end.results import Results
from benchmarks.harness.origin import inputs
from benchmarks.harness.redis_server import backing

PARTS = ("contest", "queue-tax", "service", "growth")
LIKELY_S = {"queue-tax": 90, "service": 150, "growth": 330}
TURN_S = 18


class Progress:
    """Says what runs, since when, and about how much longer."""

    def __init__(self, likely_s: float) -> None:
        self._begun = time.monotonic()
        self._likely_s = likely_s

    def say(self, text: str) -> None:
        """One line."""
        passed = time.monotonic() - self._begun
        left = max(0, self._likely_s - passed)
        print(f"{passed / 60:5.1f} min, about {left / 60:.0f} to go   {text}", flush=True)


def names(allowed: tuple[str, ...]) -> "argparse._ActionType":
    """A list of names with commas, each of which must be known."""

    def read(text: str) -> tuple[str, ...]:
        given = tuple(filter(None, text.split(",")))
        for name in given:
            if name not in allowed:
                raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(allowed)}")
        return given

    return read


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description="The service against what one would build instead.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=120, help="a contestant, scenario and round")
    parser.add_argument("--only", type=names(tuple(each.name for each in ALL)), default=())
    parser.add_argument("--skip", type=names(PARTS), default=())
    parser.add_argument("--page", type=Path, help="write docs/ from this file, and run nothing")
    return parser.parse_args()


def run(given: argparse.Namespace, results: Results) -> None:
    """Measure all that was asked for; a part that cannot be measured does not keep the others from it."""
    contestants = [each for each in ALL if not given.only or each.name in given.only]
    parts = [part for part in PARTS if part not in given.skip]
    turns = given.rounds * len(contestants) if "contest" in parts else 0
    say = Progress(TURN_S * turns + sum(LIKELY_S.get(part, 0) for part in parts)).say
    with backing() as redis, inputs() as origin:
        measure: dict[str, Callable[[], None]] = {
            "contest": lambda: contest.hold(
                contestants, redis, origin, results, given.rounds, given.jobs, say
            ),
            "queue-tax": lambda: single.queue_tax(redis, results, given.rounds, say),
            "service": lambda: single.of_the_service(redis, origin, results, given.rounds, given.jobs, say),
            "growth": lambda: growth.measure(redis, results, given.rounds, say),
        }
        for part in parts:
            try:
                measure[part]()
            except Exception as fault:
                traceback.print_exc()
                results.add("faults", who=part, text=f"{type(fault).__name__}: {fault}")


def main() -> None:
    """From the command line."""
    given = arguments()
    if given.page:
        page.write(Results.read(given.page))
        return
    results = Results.begin()
    whole = False
    try:
        run(given, results)
        whole = not (given.only or given.skip)
    except KeyboardInterrupt:
        print("cut short")
    finally:
        print(page.sections(results))
        print(f"\nfigures: {results.path}")
    if whole:
        page.write(results)


if __name__ == "__main__":
    main()
