"""The service against other job queues; writes its part of docs/PERFORMANCE.md.

Figures are stored in benchmarks/results/ after each step. An aborted run, or one with --parts, prints its
tables and leaves docs/ unchanged.
"""

import sys
import traceback
from collections.abc import Sequence

from benchmarks.end_to_end import page, service
from benchmarks.end_to_end.contest import contest
from benchmarks.end_to_end.results import Results, Run
from benchmarks.harness.inputs import seed_file
from benchmarks.harness.servers import file_server
from benchmarks.harness.service import redis_server

PARTS = {
    "contest": contest,
    "drained": service.drain,
    "origins": service.origins,
    "backlog": service.backlog,
}


def main(rounds: int = 3, jobs: int = 120, parts: Sequence[str] = tuple(PARTS)) -> None:
    if unknown := set(parts).difference(PARTS):
        sys.exit(f"unknown parts: {' '.join(unknown)}; known are {' '.join(PARTS)}")
    results, is_complete = Results.begin(), False
    try:
        with redis_server() as server, file_server(seed_file) as origin:
            run = Run(server, origin, results, rounds, jobs)
            for part in parts:
                measure(run, part)
        is_complete = len(parts) == len(PARTS)
    except KeyboardInterrupt:
        print("aborted")
    finally:
        print(page.sections(results))
        print(f"\nfigures: {results.path}")
    if is_complete:
        page.write(results)


def measure(run: Run, part: str) -> None:
    """Record a failure of a part, and continue with the next."""
    try:
        PARTS[part](run)
    except Exception as error:
        traceback.print_exc()
        run.results.add("faults", contestant=part, text=f"{type(error).__name__}: {error}")
