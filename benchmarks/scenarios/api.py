"""What an API process spends on each kind of call: its processor time, one call at a time.

The README's request. No worker runs while the calls are measured; Redis and the client are not counted.
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
        result = f"/v2/requests/{request_id}"
        picture = json.loads(client.get(result))["output"].removeprefix(client.url)
        kinds: dict[str, Callable[[], object]] = {
            "submit": client.submit_sample,
            "status": lambda: client.poll(request_id),
            "result": lambda: client.get(result),
            "picture": lambda: client.get(picture),
        }
        api, worker = client.pids
        os.kill(worker, signal.SIGTERM)
        used = partial(cpu_s, [api])
        contestants = {name: partial(cost, call, used, times=calls) for name, call in kinds.items()}
        samples = interleaved(contestants, rounds)
    seconds = {name: median(each for [each] in taken) for name, taken in samples.items()}
    rows = [[name, f"{1000 * each:.2f}", f"{1 / each:,.0f}"] for name, each in seconds.items()]
    print(table(("call", "ms of a core", "calls a second that fill one"), rows))
