"""The route that peers share: the picture of a job, from the directory."""

from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import FileResponse

from benchmarks.end_to_end.peers import work

router = APIRouter()


@router.get("/jobs/{job_id}/picture")
async def picture(job_id: UUID) -> FileResponse:
    return FileResponse(work.path(str(job_id)))
