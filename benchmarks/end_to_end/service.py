"""The figures of the service by itself: drained queues, slow origins, an idle service, a long queue."""

import time
from statistics import median

from benchmarks.end_to_end.contest import WARM_UP, best_count
from benchmarks.end_to_end.contestants import OURS, SHIPPED, Contestant
from benchmarks.end_to_end.results import Run
from benchmarks.harness.bare_loop import CORES, bare_loop
from benchmarks.harness.clients import Superimpose
from benchmarks.harness.inputs import DIFFERENT_JPEG, SAME_FUNCTION, SEED_JPEG, draw, seed_file
from benchmarks.harness.load import batch, drained
from benchmarks.harness.origin import serving
from benchmarks.harness.processes import in_own_process
from benchmarks.scenarios.worker import cost_ms
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
    workers = {
        each.name: best_count(run, f"{each.name}, drained", lambda count, each=each: _tried(run, each, count))
        for each in (OURS, SHIPPED)
    }
    with bare_loop() as bare:
        for number in range(run.rounds):
            for each in (OURS, SHIPPED):
                run.say(f"drained, round {number + 1} of {run.rounds}: {each.label}")
                cached, count = each is SHIPPED, 2 * run.jobs
                with each.running(run.redis, workers[each.name]) as client, run.redis.connect() as redis:
                    batch(client, draw(SEED_JPEG, run.origin, WARM_UP))
                    for workload in SAME_FUNCTION:
                        loop = bare(count, workload.image_format, cached)
                        made = drained(client, redis, draw(workload, run.origin, count))
                        run.results.add(
                            "drained",
                            round=number,
                            cached=cached,
                            format=workload.image_format,
                            workers=workers[each.name],
                            cores=CORES,
                            **dict(zip(FIGURES, made + loop, strict=True)),
                        )


def _tried(run: Run, contestant: Contestant, workers: int) -> float:
    with contestant.running(run.redis, workers) as client, run.redis.connect() as redis:
        batch(client, draw(SEED_JPEG, run.origin, WARM_UP))
        return drained(client, redis, draw(SEED_JPEG, run.origin, run.jobs))[0]


def origins(run: Run) -> None:
    with SHIPPED.running(run.redis, 2) as client, serving(seed_file) as slow_origin:
        batch(client, draw(DIFFERENT_JPEG, run.origin, WARM_UP))
        ms = [_idle_ms(client) for _ in range(IDLE_REQUESTS)]
        run.results.add("idle", p50_ms=median(ms))
        for number in range(run.rounds):
            run.say(f"slow origins, round {number + 1} of {run.rounds}")
            late = draw(DIFFERENT_JPEG, slow_origin, 4 * run.jobs // 9, SLOW_MS)  # for longer than SLOW_MS
            others = 9 * len(late)
            rates = {
                name: batch(client, draw(DIFFERENT_JPEG, run.origin, others, delay_ms)).steady_per_s
                for name, delay_ms in (("at_once", 0), ("delayed", LATENCY_MS))
            }
            fast = draw(DIFFERENT_JPEG, run.origin, others)
            mixed = [each for at, one in enumerate(late) for each in (one, *fast[9 * at : 9 * at + 9])]
            rates["beside"] = batch(client, mixed, frozenset(late)).steady_per_s
            run.results.add("origins", round=number, **rates)
        for number in range(run.rounds):
            run.say(f"another key's slow origin, round {number + 1} of {run.rounds}")
            run.results.add("other_key", round=number, s=_beside_other_key_s(run, client, slow_origin))


def _idle_ms(client: Superimpose) -> float:
    """From the POST of a small job until COMPLETED is read, which is waited for in one call."""
    start = time.perf_counter()
    client.get(f"/v2/requests/{client.submit_sample()}/status?wait=30")
    ended = time.perf_counter()
    time.sleep(0.05)
    return 1000 * (ended - start)


def _beside_other_key_s(run: Run, client: Superimpose, slow_origin: str) -> float:
    """A fast request from submit to COMPLETED, submitted after another key's slow ones."""
    with run.redis.connect() as redis:
        _, key = ApiKeys(redis).create("another")
    slow = [client.submit(job) for job in draw(DIFFERENT_JPEG, slow_origin, OTHERS, OTHERS_SLOW_MS)]
    time.sleep(0.5)  # workers have them
    with Superimpose(client.url, client.pids, key) as other:
        start = time.perf_counter()
        request_id = other.submit(draw(DIFFERENT_JPEG, run.origin, 1)[0])
        other.await_end(request_id, pause_s=0.01)
        seconds = time.perf_counter() - start
    for each in slow:
        client.post(f"/v2/requests/{each}/cancel", {})
    return seconds


def backlog(run: Run) -> None:
    """A job that does nothing while more and more wait; a database for each backlog."""
    run.redis.empty()
    for number in range(run.rounds):
        for database, (waiting, keys) in enumerate(BACKLOGS, start=1):
            run.say(f"a job with {waiting:,} waiting of {keys:,} keys, round {number + 1} of {run.rounds}")
            url = f"{run.redis.url}?db={database}"
            cost = in_own_process(cost_ms, "ours", url, BACKLOG_JOBS, waiting, keys)
            run.results.add("backlog", round=number, waiting=waiting, keys=keys, **cost)
