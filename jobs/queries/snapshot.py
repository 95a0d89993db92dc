"""A snapshot of the queue and its workers, in two round trips to Redis."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import fmean, median

from redis import Redis

from jobs.lifecycle.record import Record
from jobs.lifecycle.status import Status
from jobs.queries.listing import read_records
from jobs.queue.rq import RQ_TTL_S
from jobs.redis.hashes import named
from jobs.redis.script import OOM_EXEMPT, Script, read_script
from telemetry.stages import STAGES

SAMPLE = 200
"""Of the requests that ended in the last minute, the newest that are read, for each final status."""
RECENT_S = RQ_TTL_S  # how long RQ's registries list ended jobs

MAX_WORKERS = 256
WORKER_FIELDS = (
    *("state", "birth", "last_heartbeat", "hostname", "pid"),
    *("successful_job_count", "failed_job_count"),
)


@dataclass(frozen=True)
class Stage:
    median_s: float
    mean_s: float
    longest_s: float


@dataclass(frozen=True)
class RegisteredWorker:
    """A worker as registered at RQ; times in seconds since the epoch, None: unknown."""

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
class Snapshot:
    """The queue at `at`, on Redis's clock; `ended` counts the last `RECENT_S`.

    `waiting` requests are QUEUED; PROCESSING ones are `running`, or `delayed` until the next attempt.
    `stages` and `failures` come from a sample, at most the `SAMPLE` newest of each final status.
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
    workers: Sequence[RegisteredWorker]

    @property
    def drained_in_s(self) -> float | None:
        """The time to empty the queue, without new requests and with all workers; None if unknown."""
        if not self.waiting:
            return 0.0
        return self.waiting * self.pace_s / len(self.workers) if self.pace_s and self.workers else None


def take_snapshot(redis: Redis) -> Snapshot:
    """Raises `redis.RedisError`."""
    constants = {"MAX_WORKERS": MAX_WORKERS, "WORKER_FIELDS": WORKER_FIELDS, "SAMPLE": SAMPLE}
    script = Script(redis, OOM_EXEMPT + read_script("queries/snapshot.lua", **constants))
    now, waiting, running, unfinished, oldest, pace, workers, *recent = script()
    at = int(now[0]) + int(now[1]) / 1_000_000
    (done_ids, done), (failed_ids, failed) = recent
    ended = read_records(redis, [request_id.decode() for request_id in (*done_ids, *failed_ids)])
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
        workers=[worker for fields in workers if (worker := _worker(*fields))],
    )


def _stages(records: Sequence[Record]) -> dict[str, Stage]:
    metrics = [record.metrics for record in records if record.status is Status.COMPLETED]
    stages = {}
    for name in ("queue_time", *STAGES, "total_time"):
        if seconds := [each[name] for each in metrics if name in each]:
            stages[name] = Stage(median(seconds), fmean(seconds), max(seconds))
    return stages


def _worker(
    name: bytes, values: list[bytes | None], job: bytes, claimed: bytes | None
) -> RegisteredWorker | None:
    """None for a name without a registration: the worker has died."""
    fields = dict.fromkeys(WORKER_FIELDS, "") | named(WORKER_FIELDS, values)
    if not fields["birth"]:
        return None
    return RegisteredWorker(
        name=name.decode().removeprefix("rq:worker:"),
        state=fields["state"],
        host=fields["hostname"],
        pid=int(fields["pid"] or 0),
        since=_parse_time(fields["birth"]),
        heard_at=_parse_time(fields["last_heartbeat"]),
        done=int(fields["successful_job_count"] or 0),
        failed=int(fields["failed_job_count"] or 0),
        request_id=job.decode() or None,
        busy_since=int(claimed) / 1000 if claimed else None,
    )


def _parse_time(text: str) -> float | None:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None
