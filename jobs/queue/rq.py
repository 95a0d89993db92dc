"""The queues by which RQ and its dashboards see waiting requests: one of each key, one of what was requeued.

RQ imports and calls what a job's hash names. We never read one: a job is its id, which is the request's, and
the request's record says what to do.
"""

import re

from redis import Redis
from redis.typing import EncodableT
from rq import Queue
from rq.job import JobStatus
from rq.serializers import JSONSerializer

from jobs import keyspace

TASK = "worker.tasks.superimpose"
"""The only task; named, not imported, so that the API never loads a decoder."""

REQUEST_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

OWN_FIELDS = ("created_at", "enqueued_at", "origin", "timeout")  # fields that differ from job to job

RQ_TTL_S = 60  # how long RQ's copy of an ended job is kept, for its dashboards


def open_queue(redis: Redis) -> Queue:
    """That of requests that were requeued, with JSON instead of RQ's default, pickle."""
    return Queue(keyspace.QUEUE, connection=redis, serializer=JSONSerializer)


def job_fields() -> dict[str, EncodableT]:
    """RQ's hash of a waiting job, as RQ reads it: the same for all jobs but for `OWN_FIELDS`."""
    queue = open_queue(Redis())
    job = queue.create_job(
        TASK,
        job_id="any",
        description="superimpose",  # RQ logs and stores this
        result_ttl=RQ_TTL_S,
        failure_ttl=RQ_TTL_S,
        status=JobStatus.QUEUED,
    )
    fields = {**job.to_dict(include_meta=False), "status": str(JobStatus.QUEUED.value)}
    return {name: value for name, value in fields.items() if value != "" and name not in OWN_FIELDS}
