"""The parts of the comparison: all contestants, and the service alone (full queue, origins, backlog)."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from statistics import median

from benchmarks.end_to_end.contestants import ALL, OURS, SHIPPED, Contestant
from benchmarks.end_to_end.load import CORES, bare_loop, batch, drained, steady_per_s
from benchmarks.end_to_end.results import Run
from benchmarks.harness.clients import (
    DIFFERENT_JPEG,
    SAME_FUNCTION,
    SEED_JPEG,
    Client,
    Superimpose,
    Workload,
    new_jobs,
    seed_file,
)
from benchmarks.harness.figures import cost, timed
from benchmarks.harness.processes import in_own_process, process_tree, proportional_mb
from benchmarks.harness.servers import file_server
from benchmarks.harness.service import redis_cpu_s
from benchmarks.scenarios.worker import cost_ms, our_worker
from jobs.keys.api_keys import ApiKeys

COUNTS = (1, 2, 3, 4)
WARM_UP_JOBS = 20
TRIAL_JOBS, MIN_JOBS = 4, 8
MAX_BATCH_S = 2.5
"""A batch that would take longer, judging by a trial, gets fewer jobs."""

LATENCY_MS = 250
SLOW_MS = 5_000
OTHER_KEY_SLOW_MS, OTHER_KEY_JOBS = 9_000, 40
IDLE_REQUESTS = 60
BACKLOGS = ((10, 1), (100_000, 1), (100_000, 1_000))  # requests waiting, their keys
BACKLOG_JOBS = 500


@contextmanager
def warm(run: Run, contestant: Contestant, workers: int, workload: Workload) -> Iterator[Client]:
    with contestant.running(run.server, workers) as client:
        batch(client, new_jobs(workload, run.origin, WARM_UP_JOBS))
        yield client


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
    """In each round start, warm up, measure and stop every contestant, one after another.

    Round 0 finds the numbers of workers. A contestant that fails is left out of later rounds.
    """
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
                run.add_fault(each.name, fault)


def trial_per_s(run: Run, contestant: Contestant, workers: int) -> float:
    """Pictures a second of a mix of all JPEG workloads, as each alone has another best number of workers."""
    kinds = [each for each in contestant.workloads if each.image_format == "jpeg"]
    jobs = [job for kind in kinds for job in new_jobs(kind, run.origin, run.jobs // len(kinds))]
    with warm(run, contestant, workers, contestant.workloads[0]) as client:
        return batch(client, jobs).per_s


def measure(run: Run, contestant: Contestant, workers: int, number: int) -> None:
    about = {"round": number, "contestant": contestant.name}
    with warm(run, contestant, workers, contestant.workloads[0]) as client:
        for workload in contestant.workloads:
            run.log(f"round {number}, {contestant.name}: {workload.name}")
            per_s = batch(client, new_jobs(workload, run.origin, TRIAL_JOBS)).per_s
            jobs = new_jobs(workload, run.origin, max(MIN_JOBS, min(run.jobs, round(MAX_BATCH_S * per_s))))
            before = redis_cpu_s(run.server.redis)
            measured = batch(client, jobs)._asdict()
            redis_ms = 1000 * (redis_cpu_s(run.server.redis) - before) / len(jobs)
            run.results.add("rates", **about, workload=workload.name, **measured, redis_ms=redis_ms)
        run.results.add("resident", **about, mb=proportional_mb(process_tree(client.pids)))


def drain(run: Run) -> None:
    """Drain a queue of the seed example, compared with the bare loop with the same cache."""

    def trial_per_s(contestant: Contestant, workers: int) -> float:
        with warm(run, contestant, workers, SEED_JPEG) as client:
            return drained(client, new_jobs(SEED_JPEG, run.origin, run.jobs)).per_s

    both = (OURS, SHIPPED)
    workers = {
        each.name: best_count(run, f"{each.name}, drained", partial(trial_per_s, each)) for each in both
    }
    with bare_loop() as bare:
        for number in range(run.rounds):
            for each in both:
                run.log(f"drained, round {number + 1} of {run.rounds}: {each.label}")
                count, cached = workers[each.name], each is SHIPPED
                about = {"round": number, "cached": cached, "workers": count, "cores": CORES}
                with warm(run, each, count, SEED_JPEG) as client:
                    for workload in SAME_FUNCTION:
                        jobs = new_jobs(workload, run.origin, 2 * run.jobs)
                        loop = bare(len(jobs), workload.image_format, cached)._asdict()
                        figures = drained(client, jobs)._asdict() | {f"bare_{key}": loop[key] for key in loop}
                        run.results.add("drained", **about, format=workload.image_format, **figures)


def origins(run: Run) -> None:
    with warm(run, SHIPPED, 2, DIFFERENT_JPEG) as client, file_server(seed_file) as slow_origin:
        run.results.add("idle", p50_ms=median(_idle_ms(client) for _ in range(IDLE_REQUESTS)))
        for number in range(run.rounds):
            run.log(f"slow origins, round {number + 1} of {run.rounds}")
            # enough jobs for each batch to last longer than SLOW_MS
            late = new_jobs(DIFFERENT_JPEG, slow_origin, 4 * run.jobs // 9, SLOW_MS)
            count = 9 * len(late)
            fast = new_jobs(DIFFERENT_JPEG, run.origin, count)
            batches = {
                "at_once": new_jobs(DIFFERENT_JPEG, run.origin, count),
                "delayed": new_jobs(DIFFERENT_JPEG, run.origin, count, LATENCY_MS),
                "beside": [job for at, slow in enumerate(late) for job in (slow, *fast[9 * at : 9 * at + 9])],
            }
            turns = list(batches.items())[:: -1 if number % 2 else 1]  # the machine's pace drifts
            rates = {name: steady_per_s(client, jobs, frozenset(late)) for name, jobs in turns}
            run.results.add("origins", round=number, **rates)
        for number in range(run.rounds):
            run.log(f"another key's slow origin, round {number + 1} of {run.rounds}")
            run.results.add("other_key", round=number, s=_beside_other_key_s(run, client, slow_origin))


def _idle_ms(client: Superimpose) -> float:
    """Time from the POST of a small job until a long poll returns COMPLETED."""
    time.sleep(0.05)
    return timed(lambda: client.get(f"/v2/requests/{client.submit_sample()}/status?wait=30"))()


def _beside_other_key_s(run: Run, client: Superimpose, slow_origin: str) -> float:
    """Time of a fast request from submit to COMPLETED, submitted after another key's slow ones."""
    _, key = ApiKeys(client.redis).create("another")
    other = Superimpose(client.url, client.pids, key)
    jobs = new_jobs(DIFFERENT_JPEG, slow_origin, OTHER_KEY_JOBS, OTHER_KEY_SLOW_MS)
    slow = [client.submit(job) for job in jobs]
    [fast] = new_jobs(DIFFERENT_JPEG, run.origin, 1)
    time.sleep(0.5)  # until workers have claimed them
    [seconds] = cost(lambda: other.await_end(other.submit(fast), pause_s=0.01), time.perf_counter)
    for each in slow:
        client.post(f"/v2/requests/{each}/cancel", {})
    return seconds


def backlog(run: Run) -> None:
    """Cost of an empty job with different numbers of waiting requests, each in a database of its own."""
    run.server.redis.flushall()
    for number in range(run.rounds):
        for database, (waiting, keys) in enumerate(BACKLOGS, start=1):
            run.log(f"a job with {waiting:,} waiting of {keys:,} keys, round {number + 1} of {run.rounds}")
            url = f"{run.server.url}?db={database}"
            figures = in_own_process(cost_ms, our_worker, url, BACKLOG_JOBS, waiting, keys)
            run.results.add("backlog", round=number, waiting=waiting, keys=keys, **figures)


PARTS = {"contest": contest, "drained": drain, "origins": origins, "backlog": backlog}
