"""The RQ queue: how an accepted request reaches a worker, and nothing else.

RQ imports, calls and obeys what a job's hash names. Nothing of ours reads one: a job is its id, which is the
request's, and what is to be done stands in the request's record.
"""

import re

from redis import Redis
from redis.typing import EncodableT
from rq import Queue
from rq.job import JobStatus
from rq.serializers import JSONSerializer

from jobs import keyspace

TASK = "worker.tasks.superimpose"
"""The only task there is; named, not imported, so that the API never loads a decoder."""

REQUEST_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

TOLD = ("created_at", "enqueued_at", "timeout")
"""Fields that differ from job to job."""

RQ_TTL_S = 60
"""Life of RQ's own copy of an ended job, for its dashboards; the record says what became of a request."""


def open_queue(redis: Redis) -> Queue:
    """The one queue of the service, with JSON instead of RQ's default, pickle."""
    return Queue(keyspace.QUEUE, connection=redis, serializer=JSONSerializer)


def job_fields() -> dict[str, EncodableT]:
    """What RQ keeps of a job while it waits, by RQ itself: the same of each of ours, but for times."""
    queue = open_queue(Redis())
    job = queue.create_job(
        TASK,
        job_id="any",
        description="superimpose",  # RQ logs and stores this
        result_ttl=RQ_TTL_S,
        failure_ttl=RQ_TTL_S,
        status=JobStatus.QUEUED,
    )
    fields = {**job.to_dict(include_meta=False), "origin": queue.name, "status": str(JobStatus.QUEUED.value)}
    return {name: value for name, value in fields.items() if name not in TOLD}
