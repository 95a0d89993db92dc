"""The one job there is: our task with one request's id, whatever stands in Redis.

RQ imports and calls what a job's hash names (function, callbacks), posts to its webhooks, follows its
dependencies, repeats it, and stops working at a value it cannot read. Here the hash is only compared with
what we would have written.
"""

import logging
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Self

import rq.job
from redis import Redis, ResponseError
from rq.exceptions import NoSuchJobError
from rq.job import JobStatus
from rq.queue import Queue
from rq.results import Result
from rq.serializers import JSONSerializer

from jobs import keyspace

TASK = "worker.tasks.superimpose"
"""The only task there is; named, not imported, so that the API never loads a decoder."""

UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

_TIME = re.compile(rb"(?:\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{6})?Z)?")
_WHOLE = re.compile(rb"\d{1,9}")

READ = {
    b"status": re.compile("|".join(JobStatus).encode()),
    b"origin": re.compile(keyspace.QUEUE.encode()),
    b"description": re.compile(rb"[\w ]{0,200}"),
    b"worker_name": re.compile(rb"[\w.-]{0,200}"),
    **dict.fromkeys((b"created_at", b"enqueued_at", b"started_at", b"ended_at", b"last_heartbeat"), _TIME),
    **dict.fromkeys((b"timeout", b"result_ttl", b"failure_ttl", b"retries_left"), _WHOLE),
}
"""What we read of a job's hash besides its data, and what it must look like. The rest is never looked at."""

NEEDED = (b"status", b"origin", b"data")

log = logging.getLogger("superimpose.jobs")


class Job(rq.job.Job):
    """RQ's job, of which Redis can change the state and nothing else."""

    def __init__(self, id: str | None = None, connection: Redis | None = None, **_: object) -> None:
        super().__init__(id, connection, JSONSerializer)

    @classmethod
    def find(cls, request_id: str | bytes, redis: Redis) -> Self | None:
        """The job of a request; None if there is none, or if what stands in its place is not ours."""
        text = request_id.decode("ascii", "replace") if isinstance(request_id, bytes) else request_id
        if not UUID.fullmatch(text):
            log.warning("job %s refused: not the id of a request", ascii(text[:50]))
            return None
        try:
            job = cls(text, redis)
            job.refresh()  # type: ignore[no-untyped-call]
            return job
        except NoSuchJobError:
            return None
        except ResponseError as error:
            if not is_wrong_type(error):
                raise
            log.warning("job %s refused: not a hash", text)
            return None

    @classmethod
    def fetch(cls, id: str, connection: Redis | None = None, *_: object, **__: object) -> Self:
        """RQ's name for `find`; raises `NoSuchJobError`."""
        found = cls.find(id, connection) if connection else None
        if found is None:
            raise NoSuchJobError(f"no job {id[:50]!a}")
        return found

    @classmethod
    def fetch_many(  # type: ignore[override]
        cls, job_ids: Iterable[str], connection: Redis, **_: object
    ) -> list[Self | None]:
        """RQ's name for `find`, many times."""
        return [cls.find(job_id, connection) for job_id in job_ids]

    def restore(self, raw_data: Mapping[bytes, bytes]) -> None:
        """Take over the state in a hash. Raises `NoSuchJobError` if it is not one that we wrote."""
        call: bytes = JSONSerializer.dumps((TASK, None, (self.id,), {}))  # type: ignore[no-untyped-call]
        fault = next(_faults(raw_data, call), None)
        if fault is not None:
            log.warning("job %s refused: its %s is not ours", self.id, fault)
            raise NoSuchJobError(f"not our job: {self.id}")
        state = {name: raw_data[name] for name in READ if name in raw_data}
        super().restore({**state, b"data": zlib.compress(call)})


def _faults(fields: Mapping[bytes, bytes], call: bytes) -> Iterator[str]:
    for name in NEEDED:
        if not fields.get(name):
            yield name.decode()
    for name, form in READ.items():
        if name in fields and not form.fullmatch(fields[name]):
            yield name.decode()
    if not _inflates_to(fields.get(b"data", b""), call):
        yield "data"


def _inflates_to(data: bytes, expected: bytes) -> bool:
    """Compared without unpacking a bomb."""
    try:
        return zlib.decompressobj().decompress(data, len(expected) + 1) == expected
    except zlib.error:
        return False


def drop_job(queue: Queue, job_id: str) -> None:
    """Forget a job, whatever stands in its place. RQ's registries lose it when its entry there expires."""
    with queue.connection.pipeline() as pipe:
        for key in (queue.key, queue.intermediate_queue_key):
            pipe.lrem(key, 0, job_id)
        results = Result.get_key(job_id)  # type: ignore[no-untyped-call]
        pipe.delete(Job.key_for(job_id), Job.dependents_key_for(job_id), results)
        pipe.execute()


def is_wrong_type(error: ResponseError) -> bool:
    """Whether Redis refused a command because a key holds something else."""
    return "WRONGTYPE" in str(error)  # redis-py writes the command before it
