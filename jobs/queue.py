"""The RQ queue: how an accepted request reaches a worker, and nothing else.

RQ imports, calls and obeys what a job's hash names. Nothing of ours reads one: a job is its id, which is the
request's, and what is to be done stands in the request's record.
"""

import re

from redis import Redis
from redis.typing import EncodableT
from rq import Queue
from rq.serializers import JSONSerializer

from jobs import keyspace

TASK = "worker.tasks.superimpose"
"""The only task there is; named, not imported, so that the API never loads a decoder."""

REQUEST_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

Command = tuple[EncodableT, ...]
"""A Redis command: its name and its arguments."""

RQ_TTL_S = 60
"""Life of RQ's own copy of an ended job, for its dashboards; the record says what became of a request."""


def open_queue(redis: Redis) -> Queue:
    """The one queue of the service, with JSON instead of RQ's default, pickle."""
    return Queue(keyspace.QUEUE, connection=redis, serializer=JSONSerializer)


def enqueueing(queue: Queue, request_id: str, timeout_s: float) -> list[Command]:
    """The commands that put a request's job into the queue, for whoever runs them along with others."""
    job = queue.create_job(
        TASK,
        job_id=request_id,
        description="superimpose",  # RQ logs and stores this; its default would be the arguments
        timeout=round(timeout_s) or 1,
        result_ttl=RQ_TTL_S,
        failure_ttl=RQ_TTL_S,
    )
    with queue.connection.pipeline() as pipe:
        queue.enqueue_job(job, pipeline=pipe)
        return [command for command, _ in pipe.command_stack]
