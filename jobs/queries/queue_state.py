"""Counts of requests and workers, in one transaction."""

import math
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from redis import Redis

from jobs import keyspace
from jobs.webhooks.schedule import LANES
from telemetry import metrics


@dataclass(frozen=True)
class QueueState:
    waiting: int
    processing: int
    oldest_waiting_s: float
    idle: int
    busy: int
    open_batches: int
    """Batches that have not ended, including those still arriving."""
    oldest_event_s: float
    """How long the next event has been due; 0 if it is not due yet."""
    memory_bytes: int
    memory_max_bytes: int
    """0: no limit."""

    @property
    def workers(self) -> dict[str, int]:
        return {"idle": self.idle, "busy": self.busy}


def read_queue_state(redis: Redis) -> QueueState:
    """Takes two round trips, however many requests there are. Raises `redis.RedisError`."""
    started_at = perf_counter()
    with redis.pipeline() as pipe:
        pipe.time()
        pipe.zcard(keyspace.DEADLINES)
        pipe.zcard(keyspace.WAITING)
        pipe.zrange(keyspace.WAITING, 0, 0, withscores=True)
        pipe.zcard(keyspace.OPEN_BATCHES)
        pipe.info("memory")
        pipe.smembers(keyspace.RQ_WORKERS)
        for lane in LANES:
            pipe.zrange(keyspace.lane(lane), 0, 0, withscores=True)
        (seconds, microseconds), unfinished, waiting, oldest, batches, memory, names, *lanes = pipe.execute()
    metrics.observe_redis(perf_counter() - started_at)
    states = _states(redis, list(names))
    now_s = seconds + microseconds / 1_000_000
    due = [at_ms for lane in lanes for _, at_ms in lane]
    return QueueState(
        waiting=waiting,
        processing=unfinished - waiting,
        oldest_waiting_s=max(0.0, now_s - oldest[0][1] / 1000) if oldest else 0.0,
        idle=sum(state != b"busy" for state in states),
        busy=states.count(b"busy"),
        open_batches=batches,
        oldest_event_s=max(0.0, now_s - min(due, default=math.inf) / 1000),
        memory_bytes=memory["used_memory"],
        memory_max_bytes=memory.get("maxmemory", 0),
    )


def _states(redis: Redis, workers: list[Any]) -> list[bytes]:
    """RQ's states of the workers with a live heartbeat; dead ones stay registered for a while."""
    with redis.pipeline(transaction=False) as pipe:
        for name in workers:
            pipe.hget(name, "state")
        return [state for state in pipe.execute() if state is not None]
