"""arq behind FastAPI. Redis holds queue and results, a directory the pictures.

Inputs are fetched in the event loop and composed in a thread, with two jobs per process, so that one fetches
while the other composes. The queue is polled every 20 ms; arq's default is 500.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx
from arq import create_pool, run_worker
from arq.connections import RedisSettings
from arq.jobs import Job
from fastapi import FastAPI

from benchmarks.end_to_end.peers import work
from benchmarks.end_to_end.peers.api import api

REDIS = RedisSettings(unix_socket_path=work.REDIS_SOCKET)


async def superimpose(context: dict[str, Any], payload: dict[str, str]) -> None:
    job, http = work.Job(**payload), context["http"]
    base, overlay = await asyncio.gather(http.get(job.base_image), http.get(job.overlay_image))
    work.store(job, await asyncio.to_thread(work.compose, job, base.content, overlay.content))


async def open_client(context: dict[str, Any]) -> None:
    context["http"] = httpx.AsyncClient(trust_env=False)


class WorkerSettings:
    functions = (superimpose,)
    on_startup = open_client
    redis_settings = REDIS
    max_jobs = 2
    poll_delay = 0.02


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.queue = await create_pool(REDIS)
    yield


async def submit(job: work.Job) -> None:
    await app.state.queue.enqueue_job("superimpose", job.model_dump(), _job_id=job.id)


async def status(job_id: UUID) -> str:
    return await Job(str(job_id), app.state.queue).status()


app = api(submit, status, lifespan=lifespan)


if __name__ == "__main__":
    run_worker(WorkerSettings)
