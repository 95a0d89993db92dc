"""Celery behind FastAPI. Redis is broker and result backend, a directory holds the pictures.

Prefork, early acknowledgement and prefetching four tasks per process are Celery's defaults for short tasks.
"""

from uuid import UUID

from celery import Celery
from celery.result import AsyncResult

from benchmarks.end_to_end.peers import work
from benchmarks.end_to_end.peers.api import api

REDIS = f"redis+socket://{work.REDIS_SOCKET}"

celery = Celery("peer", broker=REDIS, backend=REDIS)
celery.conf.update(broker_connection_retry_on_startup=True, worker_send_task_events=False)
superimpose = celery.task(work.run)


def submit(job: work.Job) -> None:
    superimpose.apply_async((job.model_dump(),), task_id=job.id)


def status(job_id: UUID) -> str:
    return AsyncResult(str(job_id), app=celery).state


app = api(submit, status)
