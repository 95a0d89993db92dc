"""One look at the queue and its workers, in two round trips to Redis however much is there."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median
from typing import Any

from redis import Redis

from jobs import keyspace
from jobs.lifecycle.queue import RQ_TTL_S
from jobs.lifecycle.record import Record
from jobs.lifecycle.status import Status
from jobs.queries.worker_listing import MAX_WORKERS, WORKER_FIELDS, WorkerSeen, seen
from jobs.redis.lua import local
from jobs.redis.oom_exempt import OOM_EXEMPT
from jobs.redis.script import Script

SAMPLE = 200
"""How many of the requests that ended in the last minute are looked into, the newest, of each ending."""
STAGES = ("queue_time", "fetch", "decode", "inspect", "compose", "encode", "store", "total_time")
RECENT_S = RQ_TTL_S
"""For so long RQ's registries list what has ended."""

_SCRIPT = Path(__file__).with_name("snapshot.lua").read_text()
_FIELDS = ("key_id", "status", "created_at", "started_at", "finished_at", "code", "metrics")


@dataclass(frozen=True)
class Stage:
    """Seconds that a stage took in the sample."""

    median_s: float
    mean_s: float
    longest_s: float


@dataclass(frozen=True)
class Snapshot:
    """The queue at `at`, on Redis's clock; `ended` in the last `RECENT_S`.

    `waiting` are QUEUED; those PROCESSING are `running`, or `delayed` until they are tried again. `stages`
    and `failures` are of a sample, at most the `SAMPLE` newest of each ending.
    """

    at: float
    waiting: int
    running: int
    delayed: int
    oldest_waiting_s: float | None
    pace_s: float | None
    ended: Mapping[Status, int]
    stages: Mapping[str, Stage]
    failures: Mapping[str, int]
    sampled: int
    workers: Sequence[WorkerSeen]

    @property
    def drained_in_s(self) -> float | None:
        """When nothing waits any more, if none comes and all workers go on; None if that cannot be said."""
        if not self.waiting:
            return 0.0
        return self.waiting * self.pace_s / len(self.workers) if self.pace_s and self.workers else None


def take(redis: Redis) -> Snapshot:
    """Look. Raises `redis.RedisError`."""
    known = local(MAX_WORKERS=MAX_WORKERS, WORKER_FIELDS=WORKER_FIELDS, SAMPLE=SAMPLE)
    now, waiting, running, unfinished, oldest, pace, workers, *recent = Script(
        redis, f"{OOM_EXEMPT}{keyspace.lua()}{known}{_SCRIPT}"
    )()
    at = int(now[0]) + int(now[1]) / 1_000_000
    (done_ids, done), (failed_ids, failed) = recent
    ended = _ended(redis, [*done_ids, *failed_ids])
    return Snapshot(
        at=at,
        waiting=waiting,
        running=running,
        delayed=unfinished - waiting - running,
        oldest_waiting_s=max(0.0, at - float(oldest[1]) / 1000) if oldest else None,
        pace_s=float(pace) / 1000 if pace else None,
        ended={Status.COMPLETED: done, Status.FAILED: failed},
        stages=_stages(ended),
        failures=dict(Counter(str(record.code) for record in ended if record.code)),
        sampled=len(ended),
        workers=seen(workers),
    )


def _ended(redis: Any, ids: list[bytes]) -> list[Record]:
    with redis.pipeline(transaction=False) as pipe:
        for request_id in ids:
            pipe.hmget(keyspace.request(request_id.decode()), _FIELDS)
        answers = pipe.execute()
    records = []
    for request_id, values in zip(ids, answers, strict=True):
        pairs = zip(_FIELDS, values, strict=True)
        fields: dict[bytes | str, bytes | str] = {name: value for name, value in pairs if value is not None}
        record = Record.from_hash(request_id.decode(), fields) if "status" in fields else None
        records += [record] if record else []
    return records


def _stages(records: Sequence[Record]) -> dict[str, Stage]:
    metrics = [record.metrics for record in records if record.status is Status.COMPLETED]
    found = {stage: [each[stage] for each in metrics if stage in each] for stage in STAGES}
    return {
        stage: Stage(median(seconds), fmean(seconds), max(seconds))
        for stage, seconds in found.items()
        if seconds
    }
