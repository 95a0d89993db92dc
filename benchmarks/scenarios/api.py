"""What an API process spends on each kind of call: its processor time, one call at a time.

The README's request. No worker runs while the calls are measured; Redis and the client are not counted.
"""

import json
import os
import signal
from collections.abc import Callable, Sequence
from statistics import median

from benchmarks.harness import parser
from benchmarks.harness.clients import Superimpose
from benchmarks.harness.figures import interleaved, table
from benchmarks.harness.processes import cpu_s
from benchmarks.harness.service import redis_server, service

ROOM = 1_000_000


def main(arguments: Sequence[str]) -> None:
    options = parser("api", __doc__, rounds=5, calls=500).parse_args(arguments)
    room = {"max_waiting": ROOM, "max_waiting_per_key": ROOM}
    with redis_server() as redis, service(redis, workers=1, **room) as client:
        calls = kinds(client)
        os.kill(client.pids[-1], signal.SIGTERM)
        samples = interleaved(
            {name: cost(client, calls[name], options.calls) for name in calls}, options.rounds
        )
    costs = {name: median(each) for name, each in samples.items()}
    rows = [[name, f"{ms:.2f}", f"{1000 / ms:,.0f}"] for name, ms in costs.items()]
    print(table(("call", "ms of a core", "calls a second that fill one"), rows))


def kinds(client: Superimpose) -> dict[str, Callable[[], object]]:
    """With a picture that a worker has made."""
    request_id = client.submit_sample()
    client.await_end(request_id, pause_s=0.1)
    output = json.loads(client.get(f"/v2/requests/{request_id}"))["output"].removeprefix(client.url)
    return {
        "submit": client.submit_sample,
        "status": lambda: client.poll(request_id),
        "result": lambda: client.get(f"/v2/requests/{request_id}"),
        "picture": lambda: client.get(output),
    }


def cost(client: Superimpose, call: Callable[[], object], times: int) -> Callable[[], float]:
    """In ms of the API's processor time."""
    api = client.pids[:1]

    def sample() -> float:
        before = cpu_s(api)
        for _ in range(times):
            call()
        return 1000 * (cpu_s(api) - before) / times

    return sample
