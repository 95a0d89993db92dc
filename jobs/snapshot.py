"""One look at the queue and its workers, in four round trips to Redis however much is there."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import fmean, median
from typing import Any

from redis import Redis
from redis.utils import str_if_bytes

from jobs import keyspace
from jobs.connection import redis_time
from jobs.queue import RQ_TTL_S
from jobs.record import Record
from jobs.status import Status

SAMPLE = 200
"""How many of the requests that ended in the last minute are looked into, the newest, of each ending."""
MAX_WORKERS = 256
STAGES = ("queue_time", "fetch", "decode", "inspect", "compose", "encode", "store", "total_time")
RECENT_S = RQ_TTL_S
"""For so long RQ's registries list what has ended."""

_WORKER = ("state", "birth", "last_heartbeat", "hostname", "pid", "successful_job_count", "failed_job_count")
_ENDED = ("key_id", "status", "created_at", "started_at", "finished_at", "code", "metrics")


@dataclass(frozen=True)
class WorkerSeen:
    """A worker as it is registered; times in seconds since the epoch, None: not known."""

    name: str
    state: str
    host: str
    pid: int
    since: float | None
    heard_at: float | None
    done: int
    failed: int
    request_id: str | None
    busy_since: float | None


@dataclass(frozen=True)
class Stage:
    """Seconds that a stage took in the sample."""

    median_s: float
    mean_s: float
    longest_s: float


@dataclass(frozen=True)
class Snapshot:
    """The queue at `at`, on Redis's clock; `ended` in the last `RECENT_S`, `stages` of a sample of it."""

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
    at = redis_time(redis)
    with redis.pipeline(transaction=False) as pipe:
        pipe.zcard(keyspace.WAITING)
        pipe.zcard(keyspace.LEASES)
        pipe.zcard(keyspace.RQ_SCHEDULED)
        pipe.zrange(keyspace.WAITING, 0, 0, withscores=True)
        pipe.get(keyspace.PACE)
        pipe.smembers(keyspace.RQ_WORKERS)
        for registry in (keyspace.RQ_FINISHED, keyspace.RQ_FAILED):
            pipe.zrange(registry, 0, SAMPLE - 1, desc=True)
            pipe.zcount(registry, at, "+inf")
        waiting, running, delayed, oldest, pace, names, *recent = pipe.execute()
    done_ids, done, failed_ids, failed = recent
    workers, ended = _looked_into(redis, sorted(names)[:MAX_WORKERS], [*done_ids, *failed_ids])
    return Snapshot(
        at=at,
        waiting=waiting,
        running=running,
        delayed=delayed,
        oldest_waiting_s=at - oldest[0][1] / 1000 if oldest else None,
        pace_s=float(pace) / 1000 if pace else None,
        ended={Status.COMPLETED: done, Status.FAILED: failed},
        stages=_stages(ended),
        failures=dict(Counter(str(record.code) for record in ended if record.code)),
        sampled=len(ended),
        workers=workers,
    )


def _looked_into(redis: Any, keys: list[bytes], ids: list[bytes]) -> tuple[list[WorkerSeen], list[Record]]:
    with redis.pipeline(transaction=False) as pipe:
        for key in keys:
            pipe.hmget(key, _WORKER)
            pipe.srandmember(key + b":executions")
        for request_id in ids:
            pipe.hmget(keyspace.request(request_id.decode()), _ENDED)
        answers = pipe.execute()
    at = 2 * len(keys)
    return _workers(redis, keys, answers[:at]), _records(ids, answers[at:])


def _records(ids: list[bytes], answers: list[list[bytes | None]]) -> list[Record]:
    records = []
    for request_id, values in zip(ids, answers, strict=True):
        pairs = zip(_ENDED, values, strict=True)
        fields: dict[bytes | str, bytes | str] = {name: value for name, value in pairs if value is not None}
        record = Record.from_hash(request_id.decode(), fields) if "status" in fields else None
        records += [record] if record else []
    return records


def _workers(redis: Any, keys: list[bytes], answers: list[Any]) -> list[WorkerSeen]:
    """Of those that are registered; a name without a registration is one that died."""
    jobs = [execution.decode().partition(":")[0] if execution else None for execution in answers[1::2]]
    with redis.pipeline(transaction=False) as pipe:
        for job in jobs:
            pipe.hget(keyspace.request(job or ""), "claimed_at")
        claimed = pipe.execute() if jobs else []
    seen = []
    for key, values, job, since in zip(keys, answers[::2], jobs, claimed, strict=True):
        text = [str_if_bytes(value) if value is not None else "" for value in values]
        state, birth, heard, host, pid, done, failed = text
        if not birth:
            continue
        seen.append(
            WorkerSeen(
                name=key.decode().removeprefix("rq:worker:"),
                state=state,
                host=host,
                pid=int(pid or 0),
                since=_moment(birth),
                heard_at=_moment(heard),
                done=int(done or 0),
                failed=int(failed or 0),
                request_id=job,
                busy_since=int(since) / 1000 if since else None,
            )
        )
    return seen


def _moment(text: str) -> float | None:
    """RQ's way to write times."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


def _stages(records: Sequence[Record]) -> dict[str, Stage]:
    metrics = [record.metrics for record in records if record.status is Status.COMPLETED]
    found = {stage: [each[stage] for each in metrics if stage in each] for stage in STAGES}
    return {
        stage: Stage(median(seconds), fmean(seconds), max(seconds))
        for stage, seconds in found.items()
        if seconds
    }
