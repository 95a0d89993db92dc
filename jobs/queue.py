"""The RQ queue: how an accepted request reaches a worker, and nothing else."""

from redis import Redis
from redis.typing import EncodableT
from rq import Queue, Retry
from rq.serializers import JSONSerializer

from jobs import keyspace
from jobs.job import TASK, Job
from jobs.settings import Settings

Command = tuple[EncodableT, ...]
"""A Redis command: its name and its arguments."""

RQ_TTL_S = 60
"""Life of RQ's own copy of an ended job, for its dashboards; the record says what became of a request."""


def open_queue(redis: Redis) -> Queue:
    """The one queue of the service, with JSON instead of RQ's default, pickle."""
    return Queue(keyspace.QUEUE, connection=redis, job_class=Job, serializer=JSONSerializer)


def enqueueing(queue: Queue, settings: Settings, request_id: str) -> list[Command]:
    """The commands that put a request's job into the queue, for whoever runs them along with others."""
    job = queue.create_job(
        TASK,
        args=(request_id,),
        job_id=request_id,
        description="superimpose",  # RQ logs and stores this; its default would be the arguments
        timeout=settings.job_timeout_s,
        retry=Retry(max=settings.max_attempts),  # one more than the record allows: its claim ends the request
        result_ttl=RQ_TTL_S,
        failure_ttl=RQ_TTL_S,
    )
    with queue.connection.pipeline() as pipe:
        queue.enqueue_job(job, pipeline=pipe)
        return [command for command, _ in pipe.command_stack]
