"""Celery behind FastAPI. Redis is broker and result backend, a directory holds the pictures.

Prefork, early acknowledgement and four tasks prefetched a process are Celery's defaults for short tasks.
"""

from uuid import UUID, uuid4

from celery import Celery
from celery.result import AsyncResult
from fastapi import FastAPI

from benchmarks.end_to_end.peers import pictures, work

REDIS = f"redis+socket://{work.REDIS_SOCKET}"

celery = Celery("peer", broker=REDIS, backend=REDIS)
celery.conf.update(broker_connection_retry_on_startup=True, worker_send_task_events=False)


@celery.task
def superimpose(job_id: str, job: dict[str, str]) -> None:
    work.path(job_id).write_bytes(work.make(work.Job(**job)))


app = FastAPI()
app.include_router(pictures.router)


@app.post("/jobs")
def submit(job: work.Job) -> dict[str, str]:
    job_id = str(uuid4())
    superimpose.apply_async((job_id, job.model_dump()), task_id=job_id)
    return {"id": job_id}


@app.get("/jobs/{job_id}")
def status(job_id: UUID) -> dict[str, str]:
    """Celery's word for the state; `SUCCESS` is done."""
    return {"status": AsyncResult(str(job_id), app=celery).state}
