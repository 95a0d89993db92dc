"""The service against a bare loop over `superimpose()`, on the same cores.

Medians and ratios: the time of one small request on an idle service, pictures per second from submit to the
fetched picture, what Redis does for one, and the resident memory of the processes after all of it. Inputs
come over loopback HTTP. The service is measured as shipped and with its cache of decoded inputs off; the
bare loop has none.
"""

import time
from collections.abc import Sequence
from statistics import median

from benchmarks.harness import redis_server
from benchmarks.harness.bare_loop import bare_loop
from benchmarks.harness.clients import Superimpose
from benchmarks.harness.command_line import parser
from benchmarks.harness.figures import interleaved, median_ratio
from benchmarks.harness.load import batch
from benchmarks.harness.origin import inputs
from benchmarks.harness.processes import below, proportional_mb, resident_mb
from benchmarks.harness.redis_server import RedisServer
from benchmarks.harness.service import service
from benchmarks.harness.workloads import SEED_JPEG, draw

IDLE_REQUESTS = 50


def main(arguments: Sequence[str]) -> None:
    options = parser("service", __doc__, rounds=5, jobs=200).parse_args(arguments)
    jobs = options.jobs
    with (
        inputs() as origin,
        redis_server.redis_server() as redis,
        redis_server.redis_server() as other,
        service(redis) as shipped,
        service(other, cache_bytes=0) as uncached,
        bare_loop() as bare,
    ):
        for each in (shipped, uncached):
            batch(each, draw(SEED_JPEG, origin, 20))
        print(f"idle service, POST to COMPLETED: median {median(idle_ms(shipped)):.1f} ms")
        rates = interleaved(
            {
                "bare loop": lambda: bare.per_s(jobs, "jpeg"),
                "as shipped": lambda: batch(shipped, draw(SEED_JPEG, origin, jobs)).per_s,
                "cache off": lambda: batch(uncached, draw(SEED_JPEG, origin, jobs)).per_s,
            },
            options.rounds,
        )
        for name, per_s in rates.items():
            ratio = median_ratio(per_s, rates["bare loop"])
            print(f"pictures per second, {name}: median {median(per_s):.1f}, of the bare loop {ratio:.2f}")
        print(of_redis(redis, shipped, origin, jobs))
        print(memory(shipped, jobs * (1 + options.rounds)))


def idle_ms(client: Superimpose) -> list[float]:
    """From the start of a submit to a status of COMPLETED, one request at a time."""
    latencies = []
    for _ in range(IDLE_REQUESTS):
        start = time.perf_counter()
        client.await_end(client.submit_sample(), pause_s=0.002)
        latencies.append(1000 * (time.perf_counter() - start))
    return latencies


def of_redis(server: RedisServer, client: Superimpose, origin: str, jobs: int) -> str:
    with server.connect() as redis:
        cpu_s, calls = redis_server.cpu_s(redis), redis_server.calls(redis)
        batch(client, draw(SEED_JPEG, origin, jobs))
        cpu_ms = 1000 * (redis_server.cpu_s(redis) - cpu_s) / jobs
        commands = (redis_server.calls(redis) - calls) / jobs
        return f"Redis, a picture: {cpu_ms:.2f} ms CPU, {commands:.0f} commands"


def memory(client: Superimpose, jobs: int) -> str:
    """MB of each process, and of a worker with its child, shared pages shared out."""
    api, worker = client.pids[:2]
    pair = below([worker])
    together = proportional_mb(pair)
    shown = {
        "API": resident_mb([api]),
        "worker": resident_mb([worker]),
        "its child": resident_mb(pair[1:]),
        "worker and child together (proportional)": together,
    }
    return f"MB resident after {jobs:,} jobs: " + ", ".join(
        f"{name} {'not readable' if mb is None else f'{mb:.0f}'}" for name, mb in shown.items()
    )
