"""The RQ queue: how an accepted request reaches a worker, and nothing else."""

from redis import Redis
from redis.client import Pipeline
from rq import Queue, Retry
from rq.serializers import JSONSerializer

from jobs import keyspace
from jobs.settings import Settings

TASK = "worker.tasks.superimpose"
"""The only task there is; named, not imported, so that the API never loads a decoder."""


def open_queue(redis: Redis) -> Queue:
    """The one queue of the service, with JSON instead of RQ's default, pickle."""
    return Queue(keyspace.QUEUE, connection=redis, serializer=JSONSerializer)


def enqueue(queue: Queue, settings: Settings, request_id: str, pipeline: Pipeline) -> None:
    """Put the request's job on `pipeline`, to become visible with whatever else it holds."""
    job = queue.create_job(
        TASK,
        args=(request_id,),
        job_id=request_id,
        description="superimpose",  # RQ logs and stores this; its default would be the arguments
        timeout=settings.job_timeout_s,
        retry=Retry(max=settings.max_attempts),  # one more than the record allows: its claim ends the request
        result_ttl=settings.result_ttl_s,
        failure_ttl=settings.result_ttl_s,
    )
    queue.enqueue_job(job, pipeline=pipeline)
