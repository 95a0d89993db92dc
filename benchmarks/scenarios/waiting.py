"""How soon who waits for a request hears that it has ended: by long poll, by stream, by polling each second.

So many callers, on a connection each, wait for a request each, and one request after the other ends. The
time runs from the change of its record, by Redis's clock, until its caller has read the terminal status; that
clock counts milliseconds, so that up to one of them is added. One API process, as shipped but for
MAX_CONNECTIONS and the rate of reads; callers, API and Redis share the machine.

    python -m benchmarks.scenarios.waiting [--waiters 1 100 5000] [--rounds 60]
"""

import argparse
import asyncio
import random
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import NamedTuple, cast

import uvloop
from redis import Redis

from benchmarks.harness.crowd import Call, allow_connections, waiting
from benchmarks.harness.figures import percentile
from cli.serve.redis_server import await_ready, server_command
from jobs import keyspace
from jobs.config.settings import Settings
from jobs.keys.api_keys import ApiKeys
from jobs.lifecycle.output import Output
from jobs.lifecycle.transitions import Transitions
from tests.asking import LEASE_OWNER, SAMPLES
from tests.edge import Edge, serving

POLL_S = 1.0
SETTLE_S = 2.0
OUTPUT = Output("token", "outputs/20300101T0000/token", "image/png", 10, 4, 3)
STATUS = "/v2/requests/{}/status"
UNLIMITED = {"rate_limit": "unlimited", "rate_limit_reads": "unlimited"}


class Poller(Call):
    """A caller that polls each second; they do not all do so at the same time."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin at any time of the second."""
        self._transport = cast(asyncio.Transport, transport)
        asyncio.get_running_loop().call_later(random.uniform(0, POLL_S), self.ask)

    def ask_again(self) -> None:
        """A second later."""
        asyncio.get_running_loop().call_later(POLL_S, self.ask)


class Kind(NamedTuple):
    """A way to wait; the next request ends at any time within `pause_s`."""

    place: str
    make: type[Call] = Call
    pause_s: float = 0.1


KINDS = {
    "polling each second": Kind(STATUS, Poller, POLL_S),
    "long poll": Kind(f"{STATUS}?wait=60"),
    "stream": Kind(f"{STATUS}/stream"),
}


class Requests:
    """Requests that begin and end as told."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._transitions = Transitions(redis, Settings())
        self._key_id = ApiKeys(redis).list()[0].key_id
        self._numbers = count()

    def begin(self) -> str:
        """A QUEUED one; returns its id."""
        request_id = f"{next(self._numbers):032x}"
        self._transitions.create(request_id, self._key_id, SAMPLES)
        return request_id

    def end(self, request_id: str) -> float:
        """COMPLETED; returns when, on Redis's clock."""
        self._transitions.claim(request_id, LEASE_OWNER)
        self._transitions.complete(request_id, 1, OUTPUT, {})
        return int(self._redis.hget(keyspace.request(request_id), "finished_at") or 0) / 1000  # type: ignore[arg-type]


async def latencies_ms(edge: Edge, requests: Requests, kind: str, waiters: int, rounds: int) -> list[float]:
    """One for each round; whoever has heard of an end is replaced."""
    place, make, pause_s = KINDS[kind]
    ids = [requests.begin() for _ in range(waiters)]
    calls = await waiting(edge.port, map(place.format, ids), make)
    await asyncio.sleep(SETTLE_S)
    callers = dict(zip(ids, calls, strict=True))
    seen = []
    for _ in range(rounds):
        await asyncio.sleep(random.uniform(0, pause_s))
        request_id = random.choice(list(callers))
        call = callers.pop(request_id)
        at = await asyncio.to_thread(requests.end, request_id)
        seen.append(1000 * (await call.ended - at))
        call.hang_up()
        fresh = await asyncio.to_thread(requests.begin)
        [callers[fresh]] = await waiting(edge.port, [place.format(fresh)], make)
    for call in callers.values():
        call.hang_up()
    return seen


@contextmanager
def service(waiters: int) -> Iterator[tuple[Edge, Requests]]:
    """An API on a Redis of its own, and its requests."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        socket = Path(folder, "redis.sock")
        process = subprocess.Popen(server_command(Path(folder), socket), stdout=subprocess.DEVNULL)
        try:
            await_ready(socket, lambda: process.poll() is not None)
            settings = {**UNLIMITED, "max_connections": waiters + 100}
            with (
                serving(socket, Path(folder), "cli", "api", **settings) as edge,
                Redis.from_url(f"unix://{socket}?db=7") as redis,
            ):
                yield edge, Requests(redis)
        finally:
            process.terminate()
            process.wait()


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--waiters", type=int, nargs="+", default=[1, 100, 5000])
    parser.add_argument("--rounds", type=int, default=60)
    asked = parser.parse_args()
    if not allow_connections(max(asked.waiters)):
        parser.error(f"--waiters {max(asked.waiters)}: the hard limit on open files is too low (ulimit -Hn)")
    print("| who waits | callers | p50, ms | p95, ms | longest, ms |\n| --- | ---: | ---: | ---: | ---: |")
    for kind in KINDS:
        for waiters in asked.waiters:
            with (
                service(waiters) as (edge, requests),
                asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
            ):
                seen = runner.run(latencies_ms(edge, requests, kind, waiters, asked.rounds))
            p50, p95 = percentile(seen, 50), percentile(seen, 95)
            print(f"| {kind} | {waiters:,} | {p50:.1f} | {p95:.1f} | {max(seen):.1f} |", flush=True)


if __name__ == "__main__":
    main()
