"""Cost of a batch and of the same number of submits: wall time, and CPU time of API and Redis.

No worker runs, and one client sends one call after the other. Redis syncs to disk as in production; its
longest call, from SLOWLOG, delays all others.
"""

import json
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any

from benchmarks.harness.clients import SAMPLE
from benchmarks.harness.figures import cost, medians, table
from benchmarks.harness.requests import NEVER_FULL
from benchmarks.harness.service import redis_cpu_s, service

SUBMIT, BATCH = "/v2/superimpose", "/v2/superimpose/batch"
SHOP = "https://shop.example.com"
HEADS = ("how", "wall, s", "API, s of CPU", "Redis, s of CPU", "of submits", "longest call of Redis, ms")
SLOWLOG_US = 200


def main(requests: int = 5000, rounds: int = 3) -> None:
    bodies = [body(number) for number in range(requests)]
    lines = "".join(json.dumps(each) + "\n" for each in bodies)
    accepted, rows, submits_s = list[str](), [], 0.0
    with service(workers=0, **NEVER_FULL) as client:
        client.redis.config_set("slowlog-log-slower-than", SLOWLOG_US)
        client.redis.config_set("slowlog-max-len", 10 * requests)

        def batch(*body: Any) -> None:
            accepted.append(client.post(BATCH, *body)["batch_id"])

        calls: dict[str, Callable[[], object]] = {
            f"{requests:,} submits": lambda: [client.post(SUBMIT, each) for each in bodies],
            "a batch as JSON": lambda: batch({"requests": bodies}),
            "a batch as NDJSON": lambda: batch(lines, "application/x-ndjson"),
            "its cancellation": lambda: client.post(f"/v2/batches/{accepted.pop()}/cancel", {}),
        }
        clocks = perf_counter, client.cpu_s, partial(redis_cpu_s, client.redis)
        for name, call in calls.items():
            client.redis.slowlog_reset()
            wall, api, redis = medians(cost(call, *clocks) for _ in range(rounds))
            longest_us = max((each["duration"] for each in client.redis.slowlog_get(-1)), default=SLOWLOG_US)
            submits_s = submits_s or api + redis
            figures = [f"{each:.2f}" for each in (wall, api, redis, (api + redis) / submits_s)]
            rows.append([name, *figures, f"{longest_us / 1000:.1f}"])
    print(table(HEADS, rows))


def body(number: int) -> dict[str, Any]:
    pictures = {"base_image": f"{SHOP}/{number}.jpg", "overlay_image": f"{SHOP}/logo.png"}
    return {"custom_id": f"sku-{number}", **pictures, **SAMPLE, "opacity": 0.8}
