"""The task of RQ's workers."""

from benchmarks.end_to_end.peers import work


def superimpose(job_id: str, job: dict[str, str]) -> None:
    work.path(job_id).write_bytes(work.make(work.Job(**job)))
