"""What a batch costs beside as many submits: wall time, and processor time of API and Redis.

Requests name pictures by URLs elsewhere, or pictures that were uploaded; no worker runs, and one client sends
one call after the other. Redis waits for the disk, as in service; the longest of its calls is what others
wait for, by its SLOWLOG.
"""

import itertools
import json
from base64 import b64encode
from collections.abc import Callable, Sequence
from functools import partial
from time import perf_counter
from typing import Any

from benchmarks.harness.clients import SAMPLE, Superimpose
from benchmarks.harness.figures import cost, medians, table
from benchmarks.harness.requests import NEVER_FULL
from benchmarks.harness.service import redis_cpu_s, service
from jobs.pictures.inputs import sample_bytes

Body = dict[str, Any]

SUBMIT, BATCH = "/v2/superimpose", "/v2/superimpose/batch"
SHOP = "https://shop.example.com"
UPLOADS = 20
HEADS = ("how", "wall, s", "API, s of CPU", "Redis, s of CPU", "of submits", "longest call of Redis, ms")
SLOW_US = 200
"""Of a call that SLOWLOG keeps."""


def main(requests: int = 5000, rounds: int = 3) -> None:
    with service(workers=0, **NEVER_FULL) as client:
        client.redis.config_set("slowlog-log-slower-than", SLOW_US)
        client.redis.config_set("slowlog-max-len", 10 * requests)
        elsewhere = [body(number, f"{SHOP}/{number}.jpg", f"{SHOP}/logo.png") for number in range(requests)]
        here = uploaded(client, requests)
        for what, bodies in (("pictures elsewhere", elsewhere), ("pictures uploaded", here)):
            print(f"{what}\n\n{table(HEADS, compared(client, bodies, rounds))}\n")


def body(number: int, base: str, overlay: str) -> Body:
    named = {"custom_id": f"sku-{number}", "base_image": base, "overlay_image": overlay}
    return {**named, **SAMPLE, "opacity": 0.8}


def uploaded(client: Superimpose, count: int) -> list[Body]:
    cup = sample_bytes("cup.jpg") or b""
    files = (b64encode(cup + bytes([n])).decode() for n in range(UPLOADS))
    urls = client.post("/upload-asset", {"data_urls": [f"data:image/jpeg;base64,{each}" for each in files]})
    logo, bases = f"{client.url}/samples/logo.png", itertools.cycle(urls["urls"])
    return [body(number, next(bases), logo) for number in range(count)]


def compared(client: Superimpose, bodies: Sequence[Body], rounds: int) -> list[list[str]]:
    """Rows of the table: submits, batches in both forms, cancellations; each a median of the rounds."""
    lines = "".join(json.dumps(each) + "\n" for each in bodies)
    accepted: list[str] = []

    def batch(*body: Any) -> None:
        accepted.append(client.post(BATCH, *body)["batch_id"])

    ways: dict[str, Callable[[], object]] = {
        f"{len(bodies):,} submits": lambda: [client.post(SUBMIT, each) for each in bodies],
        "a batch as JSON": lambda: batch({"requests": bodies}),
        "a batch as NDJSON": lambda: batch(lines, "application/x-ndjson"),
        "its cancellation": lambda: client.post(f"/v2/batches/{accepted.pop()}/cancel", {}),
    }
    clocks = perf_counter, client.cpu_s, partial(redis_cpu_s, client.redis)
    rows, alone = [], 0.0
    for name, call in ways.items():
        client.redis.slowlog_reset()
        wall, api, redis = medians(cost(call, *clocks) for _ in range(rounds))
        longest_us = max((each["duration"] for each in client.redis.slowlog_get(-1)), default=SLOW_US)
        alone = alone or api + redis
        figures = [f"{each:.2f}" for each in (wall, api, redis, (api + redis) / alone)]
        rows.append([name, *figures, f"{longest_us / 1000:.1f}"])
    return rows
