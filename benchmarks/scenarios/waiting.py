"""How soon a client hears that its request has ended: by long poll, by stream, by polling each second.

So many clients, on a connection each, wait for a request each, and one request after the other ends. The
time runs from the change of its record, by Redis's clock, until the client has read the terminal status; that
clock counts milliseconds, so that up to one of them is added. One API process, as shipped but for
MAX_CONNECTIONS and the rate of reads; clients, API and Redis share the machine.
"""

import asyncio
import random
import sys

import uvloop

from benchmarks.harness.clients import Superimpose
from benchmarks.harness.crowd import allow_connections, waiting
from benchmarks.harness.figures import percentile, table
from benchmarks.harness.requests import Requests
from benchmarks.harness.service import KEY, service
from jobs import keyspace
from jobs.keys.api_keys import ApiKeys

SETTLE_S = 2.0
PAUSE_S = 0.1
"""Within which the next request ends."""
STATUS = "/v2/requests/{}/status"
WAYS = {
    "polling each second": (STATUS, 1.0),
    "long poll": (f"{STATUS}?wait=60", 0.0),
    "stream": (f"{STATUS}/stream", 0.0),
}
"""Where to ask, and how often, in seconds."""


def main(rounds: int = 60, clients: tuple[int, ...] = (1, 100, 5000)) -> None:
    if not allow_connections(max(clients)):
        sys.exit(f"--clients {max(clients)}: the hard limit on open files is too low (ulimit -Hn)")
    rows = []
    for name, (path, poll_s) in WAYS.items():
        for count in clients:
            with (
                service(workers=0, max_connections=count + 100) as client,
                asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
            ):
                ms = runner.run(latencies_ms(client, path, poll_s, count, rounds))
            figures = percentile(ms, 50), percentile(ms, 95), max(ms)
            rows.append([name, f"{count:,}", *(f"{each:.1f}" for each in figures)])
    print(table(("how", "clients", "p50, ms", "p95, ms", "longest, ms"), rows))


async def latencies_ms(
    client: Superimpose, path: str, poll_s: float, clients: int, rounds: int
) -> list[float]:
    """One a round; requests end in their order, and the client of the one that has ended is replaced."""
    port = int(client.url.rpartition(":")[2])
    requests = Requests(client.redis, ApiKeys(client.redis).list()[0].key_id)
    ids = [requests.begin() for _ in range(clients)]
    calls = await waiting(port, map(path.format, ids), KEY, poll_s)
    await asyncio.sleep(SETTLE_S)
    latencies = []
    for number in range(rounds):
        await asyncio.sleep(random.uniform(0, poll_s or PAUSE_S))
        await asyncio.to_thread(requests.complete_next)
        read_ms = 1000 * await calls[number].ended
        ended_ms = client.redis.hget(keyspace.request(ids[number]), "finished_at")
        latencies.append(read_ms - int(ended_ms or 0))
        calls[number].hang_up()
        ids.append(await asyncio.to_thread(requests.begin))
        calls += await waiting(port, [path.format(ids[-1])], KEY, poll_s)
    for call in calls:
        call.hang_up()
    return latencies
