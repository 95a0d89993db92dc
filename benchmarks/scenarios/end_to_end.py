"""The service against other job queues; writes its part of docs/PERFORMANCE.md.

Figures are stored in benchmarks/results/ after each step. An aborted run, or one with --parts, prints its
tables and leaves docs/ unchanged.
"""

import sys
import traceback
from collections.abc import Sequence

from benchmarks.end_to_end import page
from benchmarks.end_to_end.parts import PARTS
from benchmarks.end_to_end.results import Results, Run
from benchmarks.harness.clients import seed_file
from benchmarks.harness.figures import DOCS, write_section
from benchmarks.harness.servers import file_server
from benchmarks.harness.service import redis_server


def main(rounds: int = 3, jobs: int = 120, parts: Sequence[str] = tuple(PARTS)) -> None:
    if unknown := set(parts).difference(PARTS):
        sys.exit(f"unknown parts: {' '.join(unknown)}; known are {' '.join(PARTS)}")
    results, is_complete = Results.begin(), False
    try:
        with redis_server() as server, file_server(seed_file) as origin:
            run = Run(server, origin, results, rounds, jobs)
            for part in parts:
                try:
                    PARTS[part](run)
                except Exception as error:  # the other parts are still measured
                    traceback.print_exc()
                    run.add_fault(part, error)
        is_complete = len(parts) == len(PARTS)
    except KeyboardInterrupt:
        print("aborted")
    finally:
        print(page.sections(results))
        print(f"\nfigures: {results.path}")
    if is_complete:
        write_section(DOCS / "PERFORMANCE.md", page.BEGIN, page.END, page.sections(results))
