"""A service as its client sees it: submit, ask until it is done, fetch the picture."""

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from itertools import cycle
from pathlib import Path
from typing import Any, Self

from benchmarks.harness.http import Connection, UnexpectedAnswer
from benchmarks.harness.processes import below, cpu_s
from benchmarks.harness.workloads import Job

CONNECTIONS = 8
"""Used in turn: enough that no call waits behind another of the same client."""
SAMPLE = {"rescale_factor": 0.33, "x_offset": 430, "y_offset": 235}


class JobFailed(Exception):
    """A contestant could not make a picture."""


class Client(ABC):
    """`pids` are the processes that were started for the service, without Redis."""

    def __init__(self, url: str, pids: list[int], headers: Mapping[str, str] | None = None) -> None:
        self.url = url
        self.pids = pids
        self.headers = dict(headers or {})
        self._opened = [self.connect() for _ in range(CONNECTIONS)]
        self._turns = cycle(self._opened)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for connection in self._opened:
            connection.socket.close()

    @abstractmethod
    def submit(self, job: Job) -> str:
        """The id of the job."""

    @abstractmethod
    def picture_if_done(self, job_id: str) -> bytes | None:
        """Ask once. Raises `JobFailed`."""

    def connect(self) -> Connection:
        return Connection(self.url, self.headers)

    def get(self, path: str) -> bytes:
        return next(self._turns).call("GET", path)

    def post(self, path: str, body: object) -> Any:
        return json.loads(next(self._turns).call("POST", path, json.dumps(body).encode()))

    def processes(self) -> list[int]:
        """Those that were started and all below them."""
        return below(self.pids)

    def cpu_s(self) -> float:
        return cpu_s(self.pids)


class Superimpose(Client):
    """The service of this repository. The result is polled, which tells the state until it is there."""

    env: Mapping[str, str]
    log: Path

    def __init__(self, url: str, pids: list[int], key: str) -> None:
        super().__init__(url, pids, {"x-api-key": key})

    def submit(self, job: Job) -> str:
        return str(self.post("/v2/superimpose", job.for_service())["request_id"])

    def picture_if_done(self, job_id: str) -> bytes | None:
        answer = json.loads(self.get(f"/v2/requests/{job_id}"))
        if answer["status"] != "COMPLETED":  # FAILED is a 422, which raises
            return None
        return self.get(answer["output"].removeprefix(self.url))

    def submit_sample(self) -> str:
        """The README's request, which is a small one."""
        samples = f"{self.url}/samples"
        body = {"base_image": f"{samples}/cup.jpg", "overlay_image": f"{samples}/logo.png", **SAMPLE}
        return str(self.post("/v2/superimpose", body)["request_id"])

    def poll(self, request_id: str) -> bool:
        """Whether the request is COMPLETED."""
        status = json.loads(self.get(f"/v2/requests/{request_id}/status"))["status"]
        return bool(status == "COMPLETED")

    def await_end(self, request_id: str, pause_s: float) -> None:
        while not self.poll(request_id):
            time.sleep(pause_s)


class Peer(Client):
    """One of the peers behind FastAPI."""

    def submit(self, job: Job) -> str:
        return str(self.post("/jobs", job.for_peer())["id"])

    def picture_if_done(self, job_id: str) -> bytes | None:
        status = json.loads(self.get(f"/jobs/{job_id}"))["status"].lower()
        if status.startswith("fail"):
            raise JobFailed(f"job {job_id}: {status}")
        if status not in ("done", "finished", "success", "complete"):
            return None
        return self.get(f"/jobs/{job_id}/picture")


class BentoTasks(Client):
    """BentoML's own routes for a task.

    A task runs at the end of its submit's call, which keeps the connection busy: each submit opens one, and
    the process that accepts it does the work.
    """

    def submit(self, job: Job) -> str:
        connection = self.connect()
        answer = connection.call("POST", "/superimpose/submit", json.dumps(job.for_peer()).encode())
        connection.socket.close()
        return str(json.loads(answer)["task_id"])

    def picture_if_done(self, job_id: str) -> bytes | None:
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
