"""The queue as a worker reads it: what is not a real job is logged and dropped, and the next one taken."""

import logging
import re
from collections.abc import Iterable
from typing import Any

from redis import Redis, ResponseError
from rq import Queue
from rq.registry import FailedJobRegistry, FinishedJobRegistry, StartedJobRegistry
from rq.serializers import JSONSerializer
from rq.worker import BaseWorker
from rq.worker_registration import REDIS_WORKER_KEYS, WORKERS_BY_QUEUE_KEY, clean_worker_registry

from jobs import keyspace
from jobs.job import UUID, Job, drop_job, is_wrong_type

_ID = re.compile(UUID.pattern.encode())
_EXECUTION = re.compile(_ID.pattern + rb":[0-9a-f]{32}")
_WORKER = re.compile(rb"rq:worker:[\w.-]+")

log = logging.getLogger("superimpose.worker")


class WorkerQueue(Queue):
    """The one queue of the service, and RQ's registries of its jobs."""

    def __init__(self, redis: Redis) -> None:
        super().__init__(keyspace.QUEUE, redis, job_class=Job, serializer=JSONSerializer)

    @classmethod
    def dequeue_any(  # type: ignore[override]
        cls, queues: Iterable["WorkerQueue"], timeout: int | None, connection: Redis, **_: Any
    ) -> "tuple[Job, WorkerQueue] | None":
        """The next real job. Raises `DequeueTimeout`; without a timeout None when the queue is empty."""
        (queue,) = queues
        while (job_id := queue._take(timeout)) is not None:
            job = Job.find(job_id, connection)
            if job:
                return job, queue
            queue._drop(job_id)
        return None

    def enqueue_dependents(self, *_: Any, **__: Any) -> dict[str, list[str]]:
        """None: no job of ours waits for another."""
        return {}

    def clean(self, worker: BaseWorker) -> None:
        """RQ's maintenance, of what we use, on keys that it cannot stumble over."""
        self.purge()
        FinishedJobRegistry(queue=self, job_class=Job).cleanup()
        FailedJobRegistry(queue=self, job_class=Job).cleanup()
        _Started(queue=self, job_class=Job).cleanup()
        clean_worker_registry(self)
        self.intermediate_queue.cleanup(worker, self)

    def _take(self, timeout: int | None) -> bytes | None:
        """The next entry, which stays in the intermediate queue until its job has begun."""
        while True:
            try:
                found = self.lmove(self.connection, self.key, timeout)
                return found[1] if found else None
            except ResponseError as error:
                if not is_wrong_type(error):
                    raise
                self.purge()

    def _drop(self, entry: bytes) -> None:
        self.connection.lrem(self.intermediate_queue_key, 0, entry)  # type: ignore[arg-type]
        if _ID.fullmatch(entry):
            drop_job(self, entry.decode())

    def purge(self) -> None:
        """Delete keys of a wrong type, and entries that RQ cannot read."""
        redis: Any = self.connection  # typed as if all entries were text
        started = self.started_job_registry.key
        workers = WORKERS_BY_QUEUE_KEY % self.name
        for kind, keys in {
            b"list": (self.key, self.intermediate_queue_key),
            b"zset": (started, self.finished_job_registry.key, self.failed_job_registry.key),
            b"set": (workers, REDIS_WORKER_KEYS, self.redis_queues_keys),
        }.items():
            for key in keys:
                if redis.type(key) not in (kind, b"none"):
                    log.error("%s is no %s, deleted", key, kind.decode())
                    redis.delete(key)
        for entry in _unlike(_ID, redis.lrange(self.intermediate_queue_key, 0, -1)):
            redis.lrem(self.intermediate_queue_key, 0, entry)
        for entry in _unlike(_EXECUTION, redis.zrange(started, 0, -1)):
            redis.zrem(started, entry)
        for key in (workers, REDIS_WORKER_KEYS):
            for entry in _unlike(_WORKER, redis.smembers(key)):
                redis.srem(key, entry)


class _Started(StartedJobRegistry):
    def get_queue(self) -> WorkerQueue:
        return WorkerQueue(self.connection)


def _unlike(form: re.Pattern[bytes], entries: Iterable[bytes]) -> list[bytes]:
    wrong = [entry for entry in entries if not form.fullmatch(entry)]
    for entry in wrong:
        log.warning("not RQ's, dropped: %s", ascii(entry[:50]))
    return wrong
