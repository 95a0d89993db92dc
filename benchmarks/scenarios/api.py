"""What an API process spends on each kind of call: its processor time, one call at a time.

The README's request, on two services side by side: as it is, and with the settings under `--on`. No worker
runs while the calls are measured; Redis and the client are not counted.
"""

import json
import os
import signal
from collections.abc import Callable, Mapping
from functools import partial
from statistics import median

from benchmarks.harness.clients import Superimpose
from benchmarks.harness.figures import cost, interleaved, median_ratio, table
from benchmarks.harness.processes import cpu_s
from benchmarks.harness.requests import NEVER_FULL
from benchmarks.harness.service import service

KINDS = ("submit", "status", "result", "picture")
HEADS = ("call", "ms of a core", "calls a second that fill one", "with --on, ms", "with / without")


def main(rounds: int = 5, calls: int = 500, on: tuple[str, ...] = ("metrics=true",)) -> None:
    settings = dict(pair.split("=", 1) for pair in on)
    with (
        service(workers=1, **NEVER_FULL) as without,
        service(workers=1, **NEVER_FULL, **settings) as with_them,
    ):
        contestants = {
            (name, client): partial(cost, call, partial(cpu_s, client.pids[:1]), times=calls)
            for client in (without, with_them)
            for name, call in kinds(client).items()
        }
        samples = interleaved(contestants, rounds)
    rows = []
    for name in KINDS:
        alone, more = ([each for [each] in samples[name, client]] for client in (without, with_them))
        s, on_ms, ratio = median(alone), 1000 * median(more), median_ratio(more, alone)
        rows.append([name, f"{1000 * s:.2f}", f"{1 / s:,.0f}", f"{on_ms:.2f}", f"{ratio:.3f}"])
    print(table(HEADS, rows))


def kinds(client: Superimpose) -> Mapping[str, Callable[[], object]]:
    """Each kind of call, once there is a picture; the worker that made it has ended."""
    request_id = client.submit_sample()
    client.await_end(request_id, pause_s=0.1)
    os.kill(client.pids[1], signal.SIGTERM)
    result = f"/v2/requests/{request_id}"
    picture = json.loads(client.get(result))["output"].removeprefix(client.url)
    calls = (
        client.submit_sample,
        partial(client.poll, request_id),
        partial(client.get, result),
        partial(client.get, picture),
    )
    return dict(zip(KINDS, calls, strict=True))
