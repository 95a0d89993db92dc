"""For how long a batch holds Redis up: its longest call, and its processor time beside as many creates.

No worker runs. A call takes the time that Redis itself measures, its SLOWLOG; a busy machine makes it longer.
Redis waits for the disk, as in service.
"""

import asyncio
from collections.abc import Callable
from functools import partial

from redis import Redis

from benchmarks.harness.figures import cost, medians, table
from benchmarks.harness.requests import PARAMS, Requests
from benchmarks.harness.service import redis_cpu_s, redis_server
from jobs.batches.command import BatchCommand
from jobs.batches.opening import STAGED_AT_A_TIME, Batches
from jobs.batches.progress import BatchProgress
from jobs.lifecycle.deadlines import Deadlines
from jobs.lifecycle.options import RequestOptions
from jobs.pictures.store import PictureStore

SHORTEST_US = 200
"""Of a call that SLOWLOG keeps; a batch has some that are longer."""


class Caller:
    """Does what an API does with a batch, and with single requests."""

    def __init__(self, redis: Redis, requests: int) -> None:
        self._requests = Requests(redis)
        settings = self._requests.settings
        deadlines = Deadlines.default(settings)
        self._command = BatchCommand(self._requests.key_id, "http://here.example", deadlines)
        self._batches = Batches(redis, settings, PictureStore.open(settings))
        self._progress = BatchProgress(redis, settings)
        self._sent = [(PARAMS, RequestOptions(custom_id=f"sku-{nth}")) for nth in range(requests)]
        self._batch_id = ""

    def create(self) -> None:
        for params, options in self._sent:
            self._requests.begin(params, options=options)

    def accept(self) -> None:
        self._batch_id = asyncio.run(self._stage(accepted=True))

    def cancel(self) -> None:
        """The batch that was accepted last."""
        self._progress.cancel(self._batch_id)

    def break_off(self) -> None:
        asyncio.run(self._stage(accepted=False))

    async def _stage(self, *, accepted: bool) -> str:
        async with await self._batches.open(self._command, asyncio.to_thread) as batch:
            for at in range(0, len(self._sent), STAGED_AT_A_TIME):
                await batch.add(self._sent[at : at + STAGED_AT_A_TIME])
            return (await batch.commit()).batch_id if accepted else ""


def main(requests: int = 5000, rounds: int = 3) -> None:
    with redis_server() as server:
        server.redis.config_set("slowlog-log-slower-than", SHORTEST_US)
        server.redis.config_set("slowlog-max-len", 10 * requests)
        caller = Caller(server.redis, requests)
        ways = {
            "creates": caller.create,
            "a batch": caller.accept,
            "its cancellation": caller.cancel,
            "a batch that breaks off": caller.break_off,
        }
        for work in ways.values():
            work()  # each script's first call compiles it
        costs = [[measured(server.redis, work) for work in ways.values()] for _ in range(rounds)]
    rows = []
    for name, *each in zip(ways, *costs, strict=True):
        cpu_s, longest_ms = medians(each)
        rows.append([name, f"{cpu_s:.2f}", f"{longest_ms:.1f}"])
    print(table((f"{requests:,} requests", "Redis, s of CPU", "longest call, ms"), rows))


def measured(redis: Redis, work: Callable[[], None]) -> tuple[float, float]:
    """Processor time in s, and the longest call in ms."""
    redis.slowlog_reset()
    [cpu_s] = cost(work, partial(redis_cpu_s, redis))
    longest_us = max((call["duration"] for call in redis.slowlog_get(-1)), default=SHORTEST_US)
    return cpu_s, longest_us / 1000
