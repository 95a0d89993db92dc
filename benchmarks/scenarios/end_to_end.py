"""The service against what one would build instead; writes its part of docs/PERFORMANCE.md.

Each step's figures are in benchmarks/results/ when it ends. A run that was cut short, or given --only or
--parts, prints its tables and leaves docs/ alone; --page writes docs/ from any run's file.
"""

import time
import traceback
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from benchmarks.end_to_end import page, service
from benchmarks.end_to_end.contest import Contest
from benchmarks.end_to_end.contestants import ALL
from benchmarks.end_to_end.results import Results, Run
from benchmarks.harness import parser
from benchmarks.harness.inputs import inputs
from benchmarks.harness.service import redis_server

NAMES = [each.name for each in ALL]


def main(arguments: Sequence[str]) -> None:
    made = parser("end-to-end", __doc__, rounds=3, jobs=120)
    made.add_argument("--only", nargs="+", choices=NAMES, default=NAMES, help="contestants")
    made.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    made.add_argument("--page", type=Path, help="write docs/ from this file, and run nothing")
    options = made.parse_args(arguments)
    if options.page:
        page.write(Results.read(options.page))
        return
    results, whole = Results.begin(), False
    try:
        run(options, results)
        whole = len(options.only) == len(NAMES) and len(options.parts) == len(PARTS)
    except KeyboardInterrupt:
        print("cut short")
    finally:
        print(page.sections(results))
        print(f"\nfigures: {results.path}")
    if whole:
        page.write(results)


def run(options: Namespace, results: Results) -> None:
    """A part that cannot be measured does not keep the others from it."""
    begun = time.monotonic()

    def say(text: str) -> None:
        print(f"{(time.monotonic() - begun) / 60:5.1f} min   {text}", flush=True)

    with redis_server() as redis, inputs() as origin:
        run = Run(redis, origin, results, options.rounds, options.jobs, say)
        for part in options.parts:
            try:
                PARTS[part](run, options.only)
            except Exception as fault:
                traceback.print_exc()
                results.add("faults", contestant=part, text=f"{type(fault).__name__}: {fault}")


def contest(run: Run, names: Sequence[str]) -> None:
    contestants, held = [each for each in ALL if each.name in names], Contest(run)
    for each in contestants:
        run.results.add("contestants", name=each.name, label=each.label, versions=each.versions())
    for number in range(1 + run.rounds):
        for contestant in contestants:
            held.turn(contestant, number)


PARTS = {
    "contest": contest,
    "drained": lambda run, _: service.drain(run),
    "origins": lambda run, _: service.origins(run),
    "backlog": lambda run, _: service.backlog(run),
}
