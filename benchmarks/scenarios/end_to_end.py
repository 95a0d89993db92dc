"""The service against what one would build instead; writes its part of docs/PERFORMANCE.md.

Each step's figures are in benchmarks/results/ when it ends. A run that was cut short, or given --only or
--skip, prints its tables and leaves docs/ alone; --page writes docs/ from any run's file.
"""

import time
import traceback
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from benchmarks.end_to_end import calls, growth, page
from benchmarks.end_to_end.contest import Contest
from benchmarks.end_to_end.contestants import ALL, Contestant
from benchmarks.end_to_end.results import Results, Run
from benchmarks.harness import parser
from benchmarks.harness.bare_loop import bare_loop
from benchmarks.harness.inputs import inputs
from benchmarks.harness.processes import in_own_process
from benchmarks.harness.service import redis_server
from benchmarks.scenarios.worker import cost_ms

NAMES = [each.name for each in ALL]
PARTS = ("contest", "queue-tax", "service", "growth")
NO_OPS = {"ours": 1000, "simple": 500, "forking": 60}
"""Jobs a round; RQ's forking worker takes ten times as long as its simple one."""


def main(arguments: Sequence[str]) -> None:
    made = parser("end-to-end", __doc__, rounds=5, jobs=120)
    made.add_argument("--only", nargs="+", choices=NAMES, default=())
    made.add_argument("--skip", nargs="+", choices=PARTS, default=())
    made.add_argument("--page", type=Path, help="write docs/ from this file, and run nothing")
    options = made.parse_args(arguments)
    if options.page:
        page.write(Results.read(options.page))
        return
    results, whole = Results.begin(), False
    try:
        run(options, results)
        whole = not (options.only or options.skip)
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
        measures = {
            "contest": lambda: contest(run, [each for each in ALL if each.name in (options.only or NAMES)]),
            "queue-tax": lambda: queue_tax(run),
            "service": lambda: calls.measure(run),
            "growth": lambda: growth.measure(run),
        }
        for part in (each for each in PARTS if each not in options.skip):
            try:
                measures[part]()
            except Exception as fault:
                traceback.print_exc()
                results.add("faults", contestant=part, text=f"{type(fault).__name__}: {fault}")


def contest(run: Run, contestants: Sequence[Contestant]) -> None:
    for each in contestants:
        run.results.add("contestants", name=each.name, label=each.label, versions=each.versions())
    with bare_loop() as bare_per_s:
        held = Contest(run, bare_per_s)
        for number in range(1, run.rounds + 1):
            for contestant in contestants:
                held.turn(contestant, number)


def queue_tax(run: Run) -> None:
    for number in range(run.rounds):
        for kind, count in NO_OPS.items():
            run.say(f"queue tax, round {number + 1} of {run.rounds}: {kind}")
            cost = in_own_process(cost_ms, kind, run.redis.url, count)
            run.results.add("queue_tax", round=number, kind=kind, **cost)
