"""The API in front of a peer's queue: submit, status, picture."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from fastapi import FastAPI
from fastapi.responses import FileResponse

from benchmarks.end_to_end.peers.work import PICTURES


def api(submit: Callable[..., Any], status: Callable[..., Any], **options: Any) -> FastAPI:
    """`submit` takes a `Job`; `status` takes its id and returns the peer's status."""
    app = FastAPI(**options)
    app.post("/jobs")(submit)
    app.get("/jobs/{job_id}")(status)

    @app.get("/jobs/{job_id}/picture")
    async def picture(job_id: UUID) -> FileResponse:
        return FileResponse(PICTURES / str(job_id))

    return app
