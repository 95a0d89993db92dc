"""RQ's queues, in which its dashboards show waiting requests: one for each key, one for requeued requests.

RQ itself would import and call the function that a job's hash names. We never read that hash: the id of a job
is the id of its request, and the request's record says what to do.
"""

import re

from redis import Redis
from redis.typing import EncodableT
from rq import Queue
from rq.job import JobStatus
from rq.serializers import JSONSerializer

from jobs import keyspace

TASK = "worker.tasks.superimpose"
"""The only task, by name, as importing it would load decoders into the API."""

REQUEST_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

OWN_FIELDS = ("created_at", "enqueued_at", "origin", "timeout")  # fields that differ from job to job

RQ_TTL_S = 60  # how long RQ's dashboards show an ended job


def open_queue(redis: Redis) -> Queue:
    """The queue of requeued requests, with JSON instead of pickle, RQ's default."""
    return Queue(keyspace.QUEUE, connection=redis, serializer=JSONSerializer)


def job_fields() -> dict[str, EncodableT]:
    """RQ's hash of a waiting job without `OWN_FIELDS`: the same for all jobs."""
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
