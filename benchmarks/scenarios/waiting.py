"""How soon a client hears that its request has ended: by long poll, by stream, by polling each second.

So many clients, on a connection each, wait for a request each, and one request after the other ends. The
time runs from the change of its record, by Redis's clock, until the client has read the terminal status; that
clock counts milliseconds, so that up to one of them is added. One API process, as shipped but for
MAX_CONNECTIONS and the rate of reads; clients, API and Redis share the machine.
"""

import asyncio
import random
from collections.abc import Sequence
from itertools import count
from typing import NamedTuple, cast

import uvloop
from redis import Redis

from benchmarks.harness import parser
from benchmarks.harness.crowd import Call, allow_connections, waiting
from benchmarks.harness.figures import percentile, table
from benchmarks.harness.service import KEY, redis_server, service
from jobs import keyspace
from jobs.config.settings import Settings
from jobs.keys.api_keys import ApiKeys
from jobs.lifecycle.creation import NewRequest
from jobs.lifecycle.lease_owner import LeaseOwner
from jobs.lifecycle.output import Output
from jobs.lifecycle.transitions import Transitions

POLL_S = 1.0
SETTLE_S = 2.0
OUTPUT = Output("token", "outputs/20300101T0000/token", "image/png", 10, 4, 3)
OWNER = LeaseOwner("a-worker", "a-machine", "1 1")
PARAMS = dict.fromkeys(("base_image", "overlay_image"), "https://shop.example/a.jpg")
STATUS = "/v2/requests/{}/status"


class Poller(Call):
    """Polls each second, beginning at any time of the first."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        asyncio.get_running_loop().call_later(random.uniform(0, POLL_S), self.ask)

    def ask_again(self) -> None:
        asyncio.get_running_loop().call_later(POLL_S, self.ask)


class Way(NamedTuple):
    """A way to wait; the next request ends at any time within `pause_s`."""

    path: str
    make: type[Call] = Call
    pause_s: float = 0.1


WAYS = {
    "polling each second": Way(STATUS, Poller, POLL_S),
    "long poll": Way(f"{STATUS}?wait=60"),
    "stream": Way(f"{STATUS}/stream"),
}


class Requests:
    """Requests that begin and end when told to, without a worker."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._transitions = Transitions(redis, Settings())
        self._key_id = ApiKeys(redis).list()[0].key_id
        self._numbers = count()

    def begin(self) -> str:
        request_id = f"{next(self._numbers):032x}"
        self._transitions.create(NewRequest(request_id, self._key_id, PARAMS))
        return request_id

    def end(self, request_id: str) -> float:
        """COMPLETED; returns when, on Redis's clock."""
        self._transitions.claim(OWNER)
        self._transitions.complete(request_id, 1, OUTPUT, {})
        finished = self._redis.hget(keyspace.request(request_id), "finished_at")
        return int(finished or 0) / 1000


async def latencies_ms(port: int, requests: Requests, way: Way, clients: int, rounds: int) -> list[float]:
    """One a round; the client whose request has ended is replaced."""
    ids = [requests.begin() for _ in range(clients)]
    calls = dict(zip(ids, await waiting(port, map(way.path.format, ids), KEY, way.make), strict=True))
    await asyncio.sleep(SETTLE_S)
    latencies = []
    for _ in range(rounds):
        await asyncio.sleep(random.uniform(0, way.pause_s))
        request_id = random.choice(list(calls))
        call = calls.pop(request_id)
        ended = await asyncio.to_thread(requests.end, request_id)
        latencies.append(1000 * (await call.ended - ended))
        call.hang_up()
        fresh = await asyncio.to_thread(requests.begin)
        [calls[fresh]] = await waiting(port, [way.path.format(fresh)], KEY, way.make)
    for call in calls.values():
        call.hang_up()
    return latencies


def measured(name: str, clients: int, rounds: int) -> list[str]:
    """A row of the table, on a service of its own."""
    with (
        redis_server() as server,
        service(server, workers=0, max_connections=clients + 100) as client,
        server.connect() as redis,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        ms = runner.run(latencies_ms(client.port, Requests(redis), WAYS[name], clients, rounds))
    figures = percentile(ms, 50), percentile(ms, 95), max(ms)
    return [name, f"{clients:,}", *(f"{each:.1f}" for each in figures)]


def main(arguments: Sequence[str]) -> None:
    made = parser("waiting", __doc__, rounds=60)
    made.add_argument("--clients", "--waiters", type=int, nargs="+", default=[1, 100, 5000])
    options = made.parse_args(arguments)
    if not allow_connections(max(options.clients)):
        made.error(f"--clients {max(options.clients)}: the hard limit on open files is too low (ulimit -Hn)")
    rows = [measured(name, clients, options.rounds) for name in WAYS for clients in options.clients]
    print(table(("how", "clients", "p50, ms", "p95, ms", "longest, ms"), rows))
