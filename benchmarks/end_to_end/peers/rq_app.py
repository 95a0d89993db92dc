"""RQ behind FastAPI. Redis holds queue and states, a directory the pictures."""

from uuid import UUID, uuid4

from fastapi import FastAPI
from redis import Redis
from rq import Queue
from rq.job import Job

from benchmarks.end_to_end.peers import pictures, rq_tasks, work

app = FastAPI()
app.include_router(pictures.router)
redis = Redis(unix_socket_path=work.REDIS_SOCKET)
queue = Queue(connection=redis)


@app.post("/jobs")
def submit(job: work.Job) -> dict[str, str]:
    job_id = str(uuid4())
    queue.enqueue(rq_tasks.superimpose, job_id, job.model_dump(), job_id=job_id)
    return {"id": job_id}


@app.get("/jobs/{job_id}")
def status(job_id: UUID) -> dict[str, str]:
    """RQ's word for the state; `finished` is done."""
    return {"status": Job.fetch(str(job_id), connection=redis).get_status(refresh=False)}
