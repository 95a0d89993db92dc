"""The service against what one would build instead; writes its part of docs/PERFORMANCE.md.

Each step's figures are in benchmarks/results/ when it ends. A run that was cut short, or given --only or
--skip, prints its tables and leaves docs/ alone; --page writes docs/ from any run's file.
"""

import time
import traceback
from argparse import ArgumentTypeError, Namespace
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.end_to_end import calls, growth, page
from benchmarks.end_to_end.contest import Contest
from benchmarks.end_to_end.contestants import ALL
from benchmarks.end_to_end.results import Results
from benchmarks.harness.bare_loop import bare_loop
from benchmarks.harness.command_line import parser
from benchmarks.harness.origin import inputs
from benchmarks.harness.redis_server import RedisServer, redis_server
from benchmarks.no_op import cost_ms

LIKELY_S = {"contest": 18, "queue-tax": 18, "service": 30, "growth": 66}
"""A round of each part; of the contest, a contestant and round."""
NO_OPS = {"ours": 1000, "simple": 500, "forking": 60}
"""Jobs a round; RQ's forking worker takes ten times as long as its simple one."""


def main(arguments: Sequence[str]) -> None:
    options = read(arguments)
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


def read(arguments: Sequence[str]) -> Namespace:
    made = parser("end-to-end", __doc__, rounds=5, jobs=120)
    made.add_argument("--workers", type=counts, default=(2,), help="1,2,3,4: each with its best of these [2]")
    made.add_argument("--only", type=names(*(each.name for each in ALL)), default=())
    made.add_argument("--skip", type=names(*LIKELY_S), default=())
    made.add_argument("--page", type=Path, help="write docs/ from this file, and run nothing")
    return made.parse_args(arguments)


def counts(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(",")))


def names(*known: str) -> Callable[[str], tuple[str, ...]]:
    """A list of known names with commas."""

    def read(text: str) -> tuple[str, ...]:
        given = tuple(filter(None, text.split(",")))
        for name in given:
            if name not in known:
                raise ArgumentTypeError(f"{name!r} is none of {', '.join(known)}")
        return given

    return read


def run(options: Namespace, results: Results) -> None:
    """A part that cannot be measured does not keep the others from it."""
    contestants = [each for each in ALL if not options.only or each.name in options.only]
    parts = [part for part in LIKELY_S if part not in options.skip]
    turns = {"contest": options.rounds * len(contestants)}
    say = progress(sum(LIKELY_S[part] * turns.get(part, options.rounds) for part in parts))
    rounds, jobs = options.rounds, options.jobs

    def contest() -> None:
        with bare_loop() as bare:
            held = Contest(redis, bare, origin, results, jobs, say)
            held.enter(contestants, options.workers)
            for number in range(1, rounds + 1):
                for contestant in contestants:
                    held.turn(contestant, number)

    def grow() -> None:
        growth.cost_by_backlog(redis, results, rounds, say)
        growth.memory(redis, results, say)

    with redis_server() as redis, inputs() as origin:
        measure: dict[str, Callable[[], None]] = {
            "contest": contest,
            "queue-tax": lambda: queue_tax(redis, results, rounds, say),
            "service": lambda: calls.measure(redis, origin, results, rounds, jobs, say),
            "growth": grow,
        }
        for part in parts:
            try:
                measure[part]()
            except Exception as fault:
                traceback.print_exc()
                results.add("faults", contestant=part, text=f"{type(fault).__name__}: {fault}")


def queue_tax(redis: RedisServer, results: Results, rounds: int, say: Callable[[str], None]) -> None:
    """A job that does nothing, ours against RQ's."""
    for number in range(rounds):
        for kind, jobs in NO_OPS.items():
            say(f"queue tax, round {number + 1} of {rounds}: {kind}")
            results.add("queue_tax", round=number, kind=kind, **cost_ms(kind, redis.url, jobs))


def progress(likely_s: float) -> Callable[[str], None]:
    begun = time.monotonic()

    def say(text: str) -> None:
        passed = time.monotonic() - begun
        left = max(0, likely_s - passed)
        print(f"{passed / 60:5.1f} min, about {left / 60:.0f} to go   {text}", flush=True)

    return say
