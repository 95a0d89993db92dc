"""A contestant that runs, as its client sees it: submit, ask until it is done, fetch the picture."""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from itertools import cycle

from benchmarks.harness.http import Connection, UnexpectedAnswer
from benchmarks.harness.workloads import Job

CONNECTIONS = 8
"""Used in turn: enough that no call waits behind another of the same client."""


class JobFailed(Exception):
    """A contestant could not make a picture."""


class Service(ABC):
    """`pids` are the processes that were started for it, without Redis."""

    def __init__(self, url: str, pids: list[int], headers: Mapping[str, str] | None = None) -> None:
        self.url = url
        self.pids = pids
        self.headers = dict(headers or {})
        self._opened = [Connection(url, headers) for _ in range(CONNECTIONS)]
        self._turns = cycle(self._opened)

    @abstractmethod
    def submit(self, job: Job) -> str:
        """Submit a job and return its id."""

    @abstractmethod
    def picture_if_done(self, job_id: str) -> bytes | None:
        """Ask once. Raises `JobFailed`."""

    def close(self) -> None:
        """Hang up."""
        for connection in self._opened:
            connection.close()

    def get(self, path: str) -> bytes:
        """One call over the next connection."""
        return next(self._turns).call("GET", path)

    def post(self, path: str, body: object) -> bytes:
        """One call over the next connection."""
        return next(self._turns).call("POST", path, json.dumps(body).encode())


class Superimpose(Service):
    """The service of this repository. The result is polled, which tells the state until it is there."""

    def submit(self, job: Job) -> str:
        """Submit."""
        return str(json.loads(self.post("/v2/superimpose", job.for_service()))["request_id"])

    def picture_if_done(self, job_id: str) -> bytes | None:
        """Result, then picture."""
        answer = json.loads(self.get(f"/v2/requests/{job_id}"))
        if answer["status"] != "COMPLETED":  # FAILED is a 422, which raises
            return None
        return self.get(answer["output"].removeprefix(self.url))


class Peer(Service):
    """One of the peers that speak through FastAPI."""

    def submit(self, job: Job) -> str:
        """Submit."""
        return str(json.loads(self.post("/jobs", job.for_peer()))["id"])

    def picture_if_done(self, job_id: str) -> bytes | None:
        """State, then picture."""
        status = json.loads(self.get(f"/jobs/{job_id}"))["status"].lower()
        if status.startswith("fail"):
            raise JobFailed(f"job {job_id}: {status}")
        if status not in ("done", "finished", "success", "complete"):
            return None
        return self.get(f"/jobs/{job_id}/picture")


class BentoTasks(Service):
    """BentoML's own routes for a task.

    A task runs at the end of its submit's call, which keeps the connection busy: each submit opens one, and
    whichever process accepts it does the work.
    """

    def submit(self, job: Job) -> str:
        """Submit."""
        connection = Connection(self.url)
        answer = connection.call("POST", "/superimpose/submit", json.dumps(job.for_peer()).encode())
        connection.close()
        return str(json.loads(answer)["task_id"])

    def picture_if_done(self, job_id: str) -> bytes | None:
        """State, then result."""
        status = json.loads(self.get(f"/superimpose/status?task_id={job_id}"))["status"]
        if status == "failed":
            raise JobFailed(f"task {job_id}: {status}")
        if status != "completed":
            return None
        try:
            return self.get(f"/superimpose/get?task_id={job_id}")
        except UnexpectedAnswer as answer:  # the process asked now may not see yet what the other one has
            if "not completed yet" in str(answer):
                return None
            raise
