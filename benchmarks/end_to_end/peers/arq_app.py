"""arq behind FastAPI. Redis holds queue and results, a directory the pictures.

Inputs are fetched in the event loop, and the work is done in a thread: two jobs a process, so that one
fetches while the other works. The queue is polled every 20 ms, where arq's default is 500.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import httpx
from arq import create_pool, run_worker
from arq.connections import RedisSettings
from arq.jobs import Job
from fastapi import FastAPI

from benchmarks.end_to_end.peers import pictures, work

REDIS = RedisSettings(unix_socket_path=work.REDIS_SOCKET)


async def superimpose(context: dict[str, Any], job_id: str, asked: dict[str, str]) -> None:
    job, http = work.Job(**asked), context["http"]
    base, overlay = await asyncio.gather(http.get(job.base_image), http.get(job.overlay_image))
    picture = await asyncio.to_thread(work.compose, job, base.content, overlay.content)
    work.path(job_id).write_bytes(picture)


async def open_client(context: dict[str, Any]) -> None:
    context["http"] = httpx.AsyncClient(trust_env=False)


class WorkerSettings:
    """What `arq` reads."""

    functions = (superimpose,)
    on_startup = open_client
    redis_settings = REDIS
    max_jobs = 2
    poll_delay = 0.02


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.queue = await create_pool(REDIS)
    yield


app = FastAPI(lifespan=lifespan)
app.include_router(pictures.router)


@app.post("/jobs")
async def submit(job: work.Job) -> dict[str, str]:
    job_id = str(uuid4())
    await app.state.queue.enqueue_job("superimpose", job_id, job.model_dump(), _job_id=job_id)
    return {"id": job_id}


@app.get("/jobs/{job_id}")
async def status(job_id: UUID) -> dict[str, str]:
    """arq's word for the state; `complete` is done."""
    return {"status": await Job(str(job_id), app.state.queue).status()}


if __name__ == "__main__":
    run_worker(WorkerSettings)
