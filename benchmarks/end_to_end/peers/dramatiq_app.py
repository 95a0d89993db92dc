"""dramatiq behind FastAPI. Redis is broker and result backend, a directory holds the pictures."""

from uuid import UUID, uuid4

import dramatiq
from dramatiq import Message
from dramatiq.brokers.redis import RedisBroker
from dramatiq.results import ResultMissing, Results
from dramatiq.results.backends import RedisBackend
from fastapi import FastAPI

from benchmarks.end_to_end.peers import pictures, work

REDIS = f"unix://{work.REDIS_SOCKET}"

results = RedisBackend(url=REDIS)
broker = RedisBroker(url=REDIS)
broker.add_middleware(Results(backend=results, store_results=True))
dramatiq.set_broker(broker)


@dramatiq.actor(max_retries=3)
def superimpose(job_id: str, job: dict[str, str]) -> bool:
    work.path(job_id).write_bytes(work.make(work.Job(**job)))
    return True


app = FastAPI()
app.include_router(pictures.router)


@app.post("/jobs")
def submit(job: work.Job) -> dict[str, str]:
    job_id = str(uuid4())
    broker.enqueue(superimpose.message(job_id, job.model_dump()).copy(message_id=job_id))
    return {"id": job_id}


@app.get("/jobs/{job_id}")
def status(job_id: UUID) -> dict[str, str]:
    """`done` once there is a result, which is all that dramatiq tells."""
    message = Message("default", superimpose.actor_name, (), {}, {}, message_id=str(job_id))
    try:
        results.get_result(message)
    except ResultMissing:
        return {"status": "pending"}
    return {"status": "done"}
