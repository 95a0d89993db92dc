"""CPU time of an API process for each kind of call, one call at a time.

Uses the README's request. No worker runs during the calls; Redis and the client are not counted.
"""

import json
import os
import signal
from collections.abc import Callable
from functools import partial
from statistics import median

from benchmarks.harness.figures import cost, interleaved, table
from benchmarks.harness.processes import cpu_s
from benchmarks.harness.requests import NEVER_FULL
from benchmarks.harness.service import service


def main(rounds: int = 5, calls: int = 500) -> None:
    with service(workers=1, **NEVER_FULL) as client:
        request_id = client.submit_sample()
        client.await_end(request_id, pause_s=0.1)
        os.kill(client.pids[1], signal.SIGTERM)  # the worker
        result = f"/v2/requests/{request_id}"
        picture = json.loads(client.get(result))["output"].removeprefix(client.url)
        kinds: dict[str, Callable[[], object]] = {
            "submit": client.submit_sample,
            "status": partial(client.poll, request_id),
            "result": partial(client.get, result),
            "picture": partial(client.get, picture),
        }
        cpu = partial(cpu_s, client.pids[:1])
        contestants = {name: partial(cost, call, cpu, times=calls) for name, call in kinds.items()}
        samples = interleaved(contestants, rounds)
    seconds = {name: median(each for [each] in costs) for name, costs in samples.items()}
    rows = [[name, f"{1000 * each:.2f}", f"{1 / each:,.0f}"] for name, each in seconds.items()]
    print(table(("call", "CPU ms", "calls/s per core"), rows))
