"""In each round every contestant is started, warmed up, measured and stopped, one after another."""

from collections.abc import Callable
from functools import partial

from benchmarks.end_to_end.contestants import ALL, Contestant
from benchmarks.end_to_end.load import batch
from benchmarks.end_to_end.results import Run
from benchmarks.harness.inputs import new_jobs
from benchmarks.harness.processes import process_tree, proportional_mb
from benchmarks.harness.service import redis_cpu_s

COUNTS = (1, 2, 3, 4)
WARM_UP_JOBS = 20
TRIAL_JOBS, MIN_JOBS = 4, 8
MAX_BATCH_S = 2.5
"""A batch that would take longer, judging by a trial, gets fewer jobs."""


def best_count(run: Run, name: str, per_s: Callable[[int], float]) -> int:
    """The number of workers with the highest throughput, in one trial each."""
    rates = {}
    for workers in COUNTS:
        rates[workers] = per_s(workers)
        run.log(f"{name} with {workers} workers: {rates[workers]:.1f} pictures a second")
    best = max(rates, key=rates.__getitem__)
    run.results.add("workers", name=name, best=best, per_s=rates)
    return best


def contest(run: Run) -> None:
    """Round 0 finds the numbers of workers. A contestant that fails is left out of later rounds."""
    contestants = list(ALL)
    for each in contestants:
        run.results.add("contestants", name=each.name, label=each.label, versions=each.versions())
    workers: dict[str, int] = {}
    for number in range(1 + run.rounds):
        for each in list(contestants):
            try:
                if number:
                    measure(run, each, workers[each.name], number)
                else:
                    workers[each.name] = best_count(run, each.name, partial(trial_per_s, run, each))
            except Exception as fault:
                contestants.remove(each)
                text = f"{type(fault).__name__}: {fault}"
                run.results.add("faults", contestant=each.name, text=text)
                run.log(f"{each.name} is left out: {text}")


def trial_per_s(run: Run, contestant: Contestant, workers: int) -> float:
    """Pictures a second of a mix of all JPEG workloads, as each alone has another best number of workers."""
    kinds = [each for each in contestant.workloads if each.image_format == "jpeg"]
    jobs = [job for kind in kinds for job in new_jobs(kind, run.origin, run.jobs // len(kinds))]
    with contestant.running(run.server, workers) as client:
        batch(client, new_jobs(contestant.workloads[0], run.origin, WARM_UP_JOBS))
        return batch(client, jobs).per_s


def measure(run: Run, contestant: Contestant, workers: int, number: int) -> None:
    about = {"round": number, "contestant": contestant.name}
    with contestant.running(run.server, workers) as client:
        batch(client, new_jobs(contestant.workloads[0], run.origin, WARM_UP_JOBS))
        for workload in contestant.workloads:
            run.log(f"round {number}, {contestant.name}: {workload.name}")
            pace = batch(client, new_jobs(workload, run.origin, TRIAL_JOBS)).per_s
            jobs = new_jobs(workload, run.origin, max(MIN_JOBS, min(run.jobs, round(MAX_BATCH_S * pace))))
            before = redis_cpu_s(run.server.redis)
            measured = batch(client, jobs)
            redis_ms = 1000 * (redis_cpu_s(run.server.redis) - before) / len(jobs)
            run.results.add("rates", **about, workload=workload.name, **measured._asdict(), redis_ms=redis_ms)
        run.results.add("resident", **about, mb=proportional_mb(process_tree(client.pids)))
