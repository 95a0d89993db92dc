"""The service against what one would build instead; writes its part of docs/PERFORMANCE.md.

Each step's figures are in benchmarks/results/ when it ends. A run that was cut short, or given --only or
--parts, prints its tables and leaves docs/ alone; --page writes docs/ from any run's file.
"""

import json
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from benchmarks.end_to_end import page as pages
from benchmarks.end_to_end import service
from benchmarks.end_to_end.contest import contest
from benchmarks.end_to_end.contestants import ALL
from benchmarks.end_to_end.results import Results, Run
from benchmarks.harness.inputs import seed_file
from benchmarks.harness.servers import serving
from benchmarks.harness.service import redis_server

NAMES = tuple(each.name for each in ALL)
PARTS = {
    "contest": contest,
    "drained": lambda run, _: service.drain(run),
    "origins": lambda run, _: service.origins(run),
    "backlog": lambda run, _: service.backlog(run),
}
ALL_PARTS = tuple(PARTS)


def main(
    rounds: int = 3,
    jobs: int = 120,
    only: Sequence[str] = NAMES,
    parts: Sequence[str] = ALL_PARTS,
    page: str = "",
) -> None:
    if unknown := {*only, *parts}.difference(NAMES, PARTS):
        sys.exit(f"no contestant or part: {' '.join(unknown)}")
    if page:
        pages.write(Results(Path(page), json.loads(Path(page).read_text())))
        return
    results, whole = Results.begin(), False
    try:
        with redis_server() as server, serving(seed_file) as origin:
            measure(Run(server, origin, results, rounds, jobs), parts, only)
        whole = len(only) == len(NAMES) and len(parts) == len(PARTS)
    except KeyboardInterrupt:
        print("cut short")
    finally:
        print(pages.sections(results))
        print(f"\nfigures: {results.path}")
    if whole:
        pages.write(results)


def measure(run: Run, parts: Sequence[str], only: Sequence[str]) -> None:
    """A part that cannot be measured does not keep the others from it."""
    for part in parts:
        try:
            PARTS[part](run, only)
        except Exception as fault:
            traceback.print_exc()
            run.results.add("faults", contestant=part, text=f"{type(fault).__name__}: {fault}")
