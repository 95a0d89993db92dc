"""RQ behind FastAPI. Redis holds queue and states, a directory the pictures."""

from uuid import UUID

from redis import Redis
from rq import Queue
from rq.job import Job

from benchmarks.end_to_end.peers import work
from benchmarks.end_to_end.peers.api import api

redis = Redis(unix_socket_path=work.REDIS_SOCKET)
queue = Queue(connection=redis)


def submit(job: work.Job) -> None:
    queue.enqueue(work.run, job.model_dump(), job_id=job.id)


def status(job_id: UUID) -> str:
    return Job.fetch(str(job_id), connection=redis).get_status(refresh=False)


app = api(submit, status)
