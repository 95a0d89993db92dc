"""What a batch costs beside as many submits: wall time, and processor time of API and Redis.

Requests name pictures by URLs elsewhere, or pictures that were uploaded; no worker runs, and one client sends
one call after the other. Redis waits for the disk, as in service.
"""

import itertools
import json
from base64 import b64encode
from collections.abc import Callable, Sequence
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple

from redis import Redis

from benchmarks.harness import parser
from benchmarks.harness.clients import Superimpose, UnexpectedAnswer
from benchmarks.harness.figures import table
from benchmarks.harness.service import KEY, redis_cpu_s, redis_server, service
from jobs.pictures.inputs import sample_bytes

Body = dict[str, Any]

BATCH = "/v2/superimpose/batch"
NDJSON = "application/x-ndjson"
PLACED = {"rescale_factor": 0.33, "x_offset": 430, "y_offset": 235, "opacity": 0.8}
NOTHING_FULL = {"max_waiting": 10**9, "max_waiting_per_key": 10**9}
UPLOADS = 20


class Cost(NamedTuple):
    """Seconds."""

    wall: float
    api: float
    redis: float


def elsewhere(count: int) -> list[Body]:
    shop = "https://shop.example.com"
    pictures = ({"base_image": f"{shop}/{n}.jpg", "overlay_image": f"{shop}/logo.png"} for n in range(count))
    return [{"custom_id": f"sku-{n}", **named, **PLACED} for n, named in enumerate(pictures)]


def uploaded(client: Superimpose, count: int) -> list[Body]:
    cup = sample_bytes("cup.jpg") or b""
    files = (b64encode(cup + bytes([n])).decode() for n in range(UPLOADS))
    urls = client.post("/upload-asset", {"data_urls": [f"data:image/jpeg;base64,{each}" for each in files]})
    bases = itertools.islice(itertools.cycle(urls["urls"]), count)
    logo = f"{client.url}/samples/logo.png"
    named = zip(elsewhere(count), bases, strict=True)
    return [{**body, "base_image": base, "overlay_image": logo} for body, base in named]


def measured(client: Superimpose, redis: Redis, call: Callable[[], None]) -> Cost:
    before = perf_counter(), client.cpu_s(), redis_cpu_s(redis)
    call()
    after = perf_counter(), client.cpu_s(), redis_cpu_s(redis)
    return Cost(*(end - start for start, end in zip(before, after, strict=True)))


def compared(client: Superimpose, redis: Redis, bodies: Sequence[Body], rounds: int) -> list[list[str]]:
    """Rows of the table: submits, then batches in both forms, each a median of the rounds."""
    as_lines = "".join(json.dumps(body) + "\n" for body in bodies)
    connection = client.connect()

    def submits() -> None:
        for body in bodies:
            client.post("/v2/superimpose", body)

    def lines() -> None:
        connection.request("POST", BATCH, as_lines, {"x-api-key": KEY, "content-type": NDJSON})
        answer = connection.getresponse()
        said = answer.read()
        if answer.status != 200:
            raise UnexpectedAnswer(f"{answer.status} {said[:500]!r}")

    ways = {
        f"{len(bodies):,} submits": submits,
        "a batch as JSON": lambda: client.post(BATCH, {"requests": bodies}),
        "a batch as NDJSON": lines,
    }
    rows, alone = [], 0.0
    for name, call in ways.items():
        costs = [measured(client, redis, call) for _ in range(rounds)]
        wall, api, of_redis = (median(each) for each in zip(*costs, strict=True))
        alone = alone or api + of_redis
        rows.append([name, *(f"{each:.2f}" for each in (wall, api, of_redis, (api + of_redis) / alone))])
    return rows


def main(arguments: Sequence[str]) -> None:
    options = parser("batches", __doc__, requests=5000, rounds=3).parse_args(arguments)
    head = ("how", "wall, s", "API, s of CPU", "Redis, s of CPU", "of submits")
    with redis_server() as server, service(server, 0, **NOTHING_FULL) as client, server.connect() as redis:
        pictures = {
            "pictures elsewhere": elsewhere(options.requests),
            "pictures uploaded": uploaded(client, options.requests),
        }
        for what, bodies in pictures.items():
            print(f"{what}\n\n{table(head, compared(client, redis, bodies, options.rounds))}\n")
