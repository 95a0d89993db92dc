"""How soon a client learns that its request is finished: by long poll, by stream, by polling each second.

Many clients, each on its own connection, wait for one request each, and the requests finish one after
another. The time runs from the change of the record, by Redis's clock in whole ms, until the client has read
the terminal status. One API process with default settings except MAX_CONNECTIONS and the rate of reads;
clients, API and Redis share the machine.
"""

import asyncio
import random
import sys

import uvloop

from benchmarks.harness.clients import Superimpose
from benchmarks.harness.crowd import allow_connections, waiting
from benchmarks.harness.figures import latencies, table
from benchmarks.harness.requests import Requests
from benchmarks.harness.service import KEY, service
from jobs import keyspace
from jobs.keys.api_keys import ApiKeys

SETTLE_S = 2.0
PAUSE_S = 0.1  # maximum between the ends of two requests
STATUS = "/v2/requests/{}/status"
METHODS = {  # path, seconds between polls
    "polling each second": (STATUS, 1.0),
    "long poll": (f"{STATUS}?wait=60", 0.0),
    "stream": (f"{STATUS}/stream", 0.0),
}


def main(rounds: int = 60, clients: tuple[int, ...] = (1, 100, 5000)) -> None:
    if not allow_connections(max(clients)):
        sys.exit(f"--clients {max(clients)}: the hard limit on open files is too low (ulimit -Hn)")
    rows = []
    for name, (path, poll_s) in METHODS.items():
        for count in clients:
            with (
                service(workers=0, max_connections=count + 100) as client,
                asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
            ):
                ms = runner.run(latencies_ms(client, path, poll_s, count, rounds))
            rows.append([name, f"{count:,}", *latencies(ms, 50, 95, digits=1)])
    print(table(("how", "clients", "p50, ms", "p95, ms", "longest, ms"), rows))


async def latencies_ms(
    client: Superimpose, path: str, poll_s: float, clients: int, rounds: int
) -> list[float]:
    """One latency per round. Requests finish in order; a client whose request is finished is replaced."""
    port = int(client.url.rpartition(":")[2])
    requests = Requests(client.redis, ApiKeys(client.redis).list()[0].key_id)
    ids = [requests.begin() for _ in range(clients)]
    calls = await waiting(port, map(path.format, ids), KEY, poll_s)
    await asyncio.sleep(SETTLE_S)
    ms = []
    for number in range(rounds):
        await asyncio.sleep(random.uniform(0, poll_s or PAUSE_S))
        await asyncio.to_thread(requests.complete_next)
        read_ms = 1000 * await calls[number].ended
        finished_ms = client.redis.hget(keyspace.request(ids[number]), "finished_at")
        ms.append(read_ms - int(finished_ms or 0))
        calls[number].hang_up()
        ids.append(await asyncio.to_thread(requests.begin))
        calls += await waiting(port, [path.format(ids[-1])], KEY, poll_s)
    for call in calls:
        call.hang_up()
    return ms
