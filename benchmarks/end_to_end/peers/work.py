"""The task of every peer's worker, and its environment: one HTTP client, one directory of pictures."""

import os
from pathlib import Path
from typing import Literal

import httpx
from pydantic import BaseModel

from benchmarks.plain_pillow import with_pillow
from benchmarks.seed import PARAMS
from compositor import SuperimposeParams, superimpose

REDIS_SOCKET = os.environ["BENCH_REDIS_SOCKET"]
PICTURES = Path(os.environ["BENCH_PICTURES"])

http = httpx.Client(trust_env=False)


class Job(BaseModel):
    id: str
    base_image: str
    overlay_image: str
    image_format: Literal["jpeg", "png"]
    function: Literal["compositor", "pillow"]


def run(payload: dict[str, str]) -> None:
    """The task: fetch the inputs one after the other, compose and store the picture."""
    job = Job(**payload)
    store(job, compose(job, http.get(job.base_image).content, http.get(job.overlay_image).content))


def compose(job: Job, base: bytes, overlay: bytes) -> bytes:
    """Uses the service's compositor without its cache, or plain Pillow."""
    if job.function == "pillow":
        return with_pillow(base, overlay, job.image_format)
    params = SuperimposeParams(**PARAMS, image_format=job.image_format)
    return superimpose(base, overlay, params).data


def store(job: Job, picture: bytes) -> None:
    (PICTURES / job.id).write_bytes(picture)
