"""The figures of the service by itself: drained queues, slow origins, an idle service, a long queue."""

import time
from functools import partial
from statistics import median

from benchmarks.end_to_end.contest import WARM_UP, best_count
from benchmarks.end_to_end.contestants import OURS, SHIPPED, Contestant
from benchmarks.end_to_end.load import CORES, bare_loop, batch, drained, steady_per_s
from benchmarks.end_to_end.results import Run
from benchmarks.harness.clients import Superimpose
from benchmarks.harness.figures import cost, timed
from benchmarks.harness.inputs import DIFFERENT_JPEG, SAME_FUNCTION, SEED_JPEG, draw, seed_file
from benchmarks.harness.processes import in_own_process
from benchmarks.harness.servers import serving
from benchmarks.scenarios.worker import cost_ms, ours
from jobs.keys.api_keys import ApiKeys

LATENCY_MS = 250
SLOW_MS = 5_000
OTHERS_SLOW_MS, OTHERS = 9_000, 40
IDLE_REQUESTS = 60
BACKLOGS = ((10, 1), (100_000, 1), (100_000, 1_000))  # requests waiting, keys that they are of
BACKLOG_JOBS = 500
FIGURES = ("per_s", "cpu_ms", "bare_per_s", "bare_cpu_ms")


def drain(run: Run) -> None:
    """The seed example from a full queue, beside the bare loop with the same cache."""

    def tried(contestant: Contestant, workers: int) -> float:
        with contestant.running(run.server, workers) as client:
            batch(client, draw(SEED_JPEG, run.origin, WARM_UP))
            return drained(client, draw(SEED_JPEG, run.origin, run.jobs))[0]

    both = (OURS, SHIPPED)
    workers = {each.name: best_count(run, f"{each.name}, drained", partial(tried, each)) for each in both}
    with bare_loop() as bare:
        for number in range(run.rounds):
            for each in both:
                run.say(f"drained, round {number + 1} of {run.rounds}: {each.label}")
                count, cached = workers[each.name], each is SHIPPED
                about = {"round": number, "cached": cached, "workers": count, "cores": CORES}
                with each.running(run.server, count) as client:
                    batch(client, draw(SEED_JPEG, run.origin, WARM_UP))
                    for workload in SAME_FUNCTION:
                        jobs = draw(workload, run.origin, 2 * run.jobs)
                        loop = bare(len(jobs), workload.image_format, cached)
                        figures = dict(zip(FIGURES, drained(client, jobs) + loop, strict=True))
                        run.results.add("drained", **about, format=workload.image_format, **figures)


def origins(run: Run) -> None:
    with SHIPPED.running(run.server, 2) as client, serving(seed_file) as slow_origin:
        batch(client, draw(DIFFERENT_JPEG, run.origin, WARM_UP))
        run.results.add("idle", p50_ms=median(_idle_ms(client) for _ in range(IDLE_REQUESTS)))
        for number in range(run.rounds):
            run.say(f"slow origins, round {number + 1} of {run.rounds}")
            late = draw(DIFFERENT_JPEG, slow_origin, 4 * run.jobs // 9, SLOW_MS)  # for longer than SLOW_MS
            others = 9 * len(late)
            fast = draw(DIFFERENT_JPEG, run.origin, others)
            mixed = [each for at, one in enumerate(late) for each in (one, *fast[9 * at : 9 * at + 9])]
            batches = {
                "at_once": draw(DIFFERENT_JPEG, run.origin, others),
                "delayed": draw(DIFFERENT_JPEG, run.origin, others, LATENCY_MS),
                "beside": mixed,
            }
            turns = list(batches.items())[:: -1 if number % 2 else 1]  # the machine's pace drifts
            rates = {name: steady_per_s(client, jobs, frozenset(late)) for name, jobs in turns}
            run.results.add("origins", round=number, **rates)
        for number in range(run.rounds):
            run.say(f"another key's slow origin, round {number + 1} of {run.rounds}")
            run.results.add("other_key", round=number, s=_beside_other_key_s(run, client, slow_origin))


def _idle_ms(client: Superimpose) -> float:
    """From the POST of a small job until COMPLETED is read, which is waited for in one call."""
    time.sleep(0.05)
    return timed(lambda: client.get(f"/v2/requests/{client.submit_sample()}/status?wait=30"))()


def _beside_other_key_s(run: Run, client: Superimpose, slow_origin: str) -> float:
    """A fast request from submit to COMPLETED, submitted after another key's slow ones."""
    _, key = ApiKeys(client.redis).create("another")
    other = Superimpose(client.url, client.pids, key)
    slow = [client.submit(job) for job in draw(DIFFERENT_JPEG, slow_origin, OTHERS, OTHERS_SLOW_MS)]
    [fast] = draw(DIFFERENT_JPEG, run.origin, 1)
    time.sleep(0.5)  # workers have them
    [seconds] = cost(lambda: other.await_end(other.submit(fast), pause_s=0.01), time.perf_counter)
    for each in slow:
        client.post(f"/v2/requests/{each}/cancel", {})
    return seconds


def backlog(run: Run) -> None:
    """A job that does nothing while more and more wait; a database for each backlog."""
    run.server.redis.flushall()
    for number in range(run.rounds):
        for database, (waiting, keys) in enumerate(BACKLOGS, start=1):
            run.say(f"a job with {waiting:,} waiting of {keys:,} keys, round {number + 1} of {run.rounds}")
            url = f"{run.server.url}?db={database}"
            figures = in_own_process(cost_ms, ours, url, BACKLOG_JOBS, waiting, keys)
            run.results.add("backlog", round=number, waiting=waiting, keys=keys, **figures)
