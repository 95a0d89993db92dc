"""Measures the service alone: draining a full queue, slow origins, an idle service, a long queue."""

import time
from functools import partial
from statistics import median

from benchmarks.end_to_end.contest import WARM_UP_JOBS, best_count
from benchmarks.end_to_end.contestants import OURS, SHIPPED, Contestant
from benchmarks.end_to_end.load import CORES, bare_loop, batch, drained, steady_per_s
from benchmarks.end_to_end.results import Run
from benchmarks.harness.clients import Superimpose
from benchmarks.harness.figures import cost, timed
from benchmarks.harness.inputs import DIFFERENT_JPEG, SAME_FUNCTION, SEED_JPEG, new_jobs, seed_file
from benchmarks.harness.processes import in_own_process
from benchmarks.harness.servers import file_server
from benchmarks.scenarios.worker import cost_ms, our_worker
from jobs.keys.api_keys import ApiKeys

LATENCY_MS = 250
SLOW_MS = 5_000
OTHER_KEY_SLOW_MS, OTHER_KEY_JOBS = 9_000, 40
IDLE_REQUESTS = 60
BACKLOGS = ((10, 1), (100_000, 1), (100_000, 1_000))  # requests waiting, their keys
BACKLOG_JOBS = 500
FIGURES = ("per_s", "cpu_ms", "bare_per_s", "bare_cpu_ms")


def drain(run: Run) -> None:
    """Drain a queue of the seed example, compared with the bare loop with the same cache."""

    def trial_per_s(contestant: Contestant, workers: int) -> float:
        with contestant.running(run.server, workers) as client:
            batch(client, new_jobs(SEED_JPEG, run.origin, WARM_UP_JOBS))
            return drained(client, new_jobs(SEED_JPEG, run.origin, run.jobs))[0]

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
                with each.running(run.server, count) as client:
                    batch(client, new_jobs(SEED_JPEG, run.origin, WARM_UP_JOBS))
                    for workload in SAME_FUNCTION:
                        jobs = new_jobs(workload, run.origin, 2 * run.jobs)
                        loop = bare(len(jobs), workload.image_format, cached)
                        figures = dict(zip(FIGURES, drained(client, jobs) + loop, strict=True))
                        run.results.add("drained", **about, format=workload.image_format, **figures)


def origins(run: Run) -> None:
    with SHIPPED.running(run.server, 2) as client, file_server(seed_file) as slow_origin:
        batch(client, new_jobs(DIFFERENT_JPEG, run.origin, WARM_UP_JOBS))
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
    slow = [
        client.submit(job) for job in new_jobs(DIFFERENT_JPEG, slow_origin, OTHER_KEY_JOBS, OTHER_KEY_SLOW_MS)
    ]
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
