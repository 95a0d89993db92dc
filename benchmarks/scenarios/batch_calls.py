"""For how long a batch holds Redis up: its longest call, and its processor time beside as many creates.

No worker runs. A call takes the time that Redis itself measures, its SLOWLOG; a busy machine makes it longer.
Redis waits for the disk, as in service.
"""

import asyncio
from collections.abc import Callable, Sequence
from statistics import median
from uuid import uuid4

from redis import Redis

from benchmarks.harness import parser
from benchmarks.harness.figures import table
from benchmarks.harness.service import redis_cpu_s, redis_server
from benchmarks.scenarios.worker import MAX_WAITING, PARAMS
from jobs.batches.opening import STAGED_AT_A_TIME, BatchCommand, Batches, OpenBatch
from jobs.batches.progress import BatchProgress
from jobs.config.settings import Settings
from jobs.keys.api_keys import ApiKeys
from jobs.lifecycle.creation import NewRequest
from jobs.lifecycle.deadlines import Deadlines
from jobs.lifecycle.options import RequestOptions
from jobs.lifecycle.transitions import Transitions
from jobs.pictures.store import PictureStore

SHORTEST_US = 200
"""Of a call that SLOWLOG keeps; a batch has some that are longer."""


class Caller:
    """Does what an API does with a batch, and with single requests."""

    def __init__(self, redis: Redis, requests: int) -> None:
        self._settings = Settings(max_waiting=MAX_WAITING, max_waiting_per_key=MAX_WAITING)
        key_id = ApiKeys(redis).create("benchmark")[0].key_id
        self._command = BatchCommand(key_id, "http://here.example", Deadlines.default(self._settings))
        self._batches = Batches(redis, self._settings, PictureStore.open(self._settings))
        self._progress = BatchProgress(redis, self._settings)
        self._transitions = Transitions(redis, self._settings)
        self._sent = [(PARAMS, RequestOptions(custom_id=f"sku-{nth}")) for nth in range(requests)]
        self._batch_id = ""

    def create(self) -> None:
        """Requests one by one."""
        for params, options in self._sent:
            self._transitions.create(NewRequest(str(uuid4()), self._command.key_id, params, options=options))

    def accept(self) -> None:
        self._batch_id = asyncio.run(self._accept())

    def cancel(self) -> None:
        """The batch that was accepted last."""
        self._progress.cancel(self._batch_id)

    def break_off(self) -> None:
        asyncio.run(self._break_off())

    async def _accept(self) -> str:
        async with await self._open() as batch:
            return (await batch.commit()).batch_id

    async def _break_off(self) -> None:
        async with await self._open():
            pass

    async def _open(self) -> OpenBatch:
        batch = await self._batches.open(self._command, asyncio.to_thread)
        for at in range(0, len(self._sent), STAGED_AT_A_TIME):
            await batch.add(self._sent[at : at + STAGED_AT_A_TIME])
        return batch


def main(arguments: Sequence[str]) -> None:
    options = parser("batch-calls", __doc__, requests=5000, rounds=3).parse_args(arguments)
    with redis_server() as server, server.connect() as redis:
        redis.config_set("slowlog-log-slower-than", SHORTEST_US)
        redis.config_set("slowlog-max-len", 10 * options.requests)
        caller = Caller(redis, options.requests)
        ways = {
            "creates": caller.create,
            "a batch": caller.accept,
            "its cancellation": caller.cancel,
            "a batch that breaks off": caller.break_off,
        }
        for work in ways.values():
            work()  # each script's first call compiles it
        measured = [[cost(redis, work) for work in ways.values()] for _ in range(options.rounds)]
    rows = []
    for name, *costs in zip(ways, *measured, strict=True):
        cpu_s, longest_ms = (median(each) for each in zip(*costs, strict=True))
        rows.append([name, f"{cpu_s:.2f}", f"{longest_ms:.1f}"])
    print(table((f"{options.requests:,} requests", "Redis, s of CPU", "longest call, ms"), rows))


def cost(redis: Redis, work: Callable[[], None]) -> tuple[float, float]:
    """Processor time in s, and the longest call in ms."""
    redis.slowlog_reset()
    before = redis_cpu_s(redis)
    work()
    used = redis_cpu_s(redis) - before
    longest_us = max((call["duration"] for call in redis.slowlog_get(-1)), default=SHORTEST_US)
    return used, longest_us / 1000
