"""The contest: in each round every contestant is started, warmed, measured and stopped, one after another."""

from collections.abc import Callable, Sequence
from functools import partial

from benchmarks.end_to_end.contestants import ALL, Contestant
from benchmarks.end_to_end.load import batch
from benchmarks.end_to_end.results import Run
from benchmarks.harness.inputs import draw
from benchmarks.harness.processes import below, proportional_mb
from benchmarks.harness.service import redis_cpu_s

COUNTS = (1, 2, 3, 4)
WARM_UP = 20
TRIED = 4
FEWEST = 8
LONGEST_S = 2.5
"""A batch that would take longer, by what was tried before, has fewer jobs."""


def best_count(run: Run, name: str, per_s: Callable[[int], float]) -> int:
    """The number of workers of `COUNTS` that makes most pictures a second, in one try each."""
    rates = {}
    for workers in COUNTS:
        rates[workers] = per_s(workers)
        run.say(f"{name} with {workers} workers: {rates[workers]:.1f} pictures a second")
    best = max(rates, key=rates.__getitem__)
    run.results.add("workers", name=name, best=best, per_s=rates)
    return best


def contest(run: Run, names: Sequence[str]) -> None:
    """Round 0 finds the numbers of workers. One that fails is left out from then on, with the reason."""
    contestants = [each for each in ALL if each.name in names]
    for each in contestants:
        run.results.add("contestants", name=each.name, label=each.label, versions=each.versions())
    workers: dict[str, int] = {}
    for number in range(1 + run.rounds):
        for each in list(contestants):
            try:
                if number:
                    measure(run, each, workers[each.name], number)
                else:
                    workers[each.name] = best_count(run, each.name, partial(tried, run, each))
            except Exception as fault:
                contestants.remove(each)
                text = f"{type(fault).__name__}: {fault}"
                run.results.add("faults", contestant=each.name, text=text)
                run.say(f"{each.name} is left out: {text}")


def tried(run: Run, contestant: Contestant, workers: int) -> float:
    """Pictures a second over all kinds of JPEG: what is best for one may idle a core for another."""
    kinds = [each for each in contestant.workloads if each.image_format == "jpeg"]
    with contestant.running(run.server, workers) as client:
        batch(client, draw(contestant.workloads[0], run.origin, WARM_UP))
        return batch(
            client, [job for kind in kinds for job in draw(kind, run.origin, run.jobs // len(kinds))]
        ).per_s


def measure(run: Run, contestant: Contestant, workers: int, number: int) -> None:
    about = {"round": number, "contestant": contestant.name}
    with contestant.running(run.server, workers) as client:
        batch(client, draw(contestant.workloads[0], run.origin, WARM_UP))
        for workload in contestant.workloads:
            run.say(f"round {number}, {contestant.name}: {workload.name}")
            pace = batch(client, draw(workload, run.origin, TRIED)).per_s
            jobs = draw(workload, run.origin, max(FEWEST, min(run.jobs, round(LONGEST_S * pace))))
            before = redis_cpu_s(run.server.redis)
            made = batch(client, jobs)
            redis_ms = 1000 * (redis_cpu_s(run.server.redis) - before) / len(jobs)
            rates = {"per_s": made.per_s, "cpu_ms": made.cpu_ms, "redis_ms": redis_ms}
            run.results.add("rates", **about, workload=workload.name, **rates)
        run.results.add("resident", **about, mb=proportional_mb(below(client.pids)))
