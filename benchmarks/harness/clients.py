"""HTTP clients of the contestants: submit, poll, fetch the picture."""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from queue import SimpleQueue
from typing import Any
from urllib.parse import quote

from redis import Redis

from benchmarks.harness.inputs import Job
from benchmarks.harness.processes import cpu_s, wait_for
from benchmarks.seed import PARAMS

CONNECTIONS = 16
CALL_TIMEOUT_S = 60
THUMBOR_WIDTH = 25
"""Overlay width in per cent of the base: 0.4 of 640 pixels on 1024."""
SAMPLE = {"rescale_factor": 0.33, "x_offset": 430, "y_offset": 235}
JSON = "application/json"


class UnexpectedStatus(Exception):
    """A response other than 200."""


class Client(ABC):
    """Thread-safe. `pids` are the root processes of the service, without Redis."""

    def __init__(self, url: str, pids: list[int], headers: Mapping[str, str] | None = None) -> None:
        self.url = url
        self.pids = pids
        self._headers = headers or {}
        self._free: SimpleQueue[HTTPConnection] = SimpleQueue()
        for _ in range(CONNECTIONS):
            self._free.put(HTTPConnection(url.removeprefix("http://"), timeout=CALL_TIMEOUT_S))

    @abstractmethod
    def submit(self, job: Job) -> str:
        """Submit a job and return its id."""

    @abstractmethod
    def picture_if_done(self, job_id: str) -> bytes | None:
        """Poll once."""

    def get(self, path: str) -> bytes:
        return self._call("GET", path)

    def post(self, path: str, body: object, content_type: str = JSON) -> Any:
        """POST a text, or another value as JSON; returns the decoded response."""
        text = body if isinstance(body, str) else json.dumps(body)
        return json.loads(self._call("POST", path, text, content_type))

    def cpu_s(self) -> float:
        return cpu_s(self.pids)

    def _call(self, method: str, path: str, body: str | None = None, content_type: str = JSON) -> bytes:
        """The body of the response. Raises `UnexpectedStatus` unless it is 200."""
        call = method, path, body, {"content-type": content_type, **self._headers}
        connection = self._free.get()
        try:
            try:
                connection.request(*call)
                response = connection.getresponse()
            except ConnectionError:  # the server closed the idle connection
                connection.close()
                connection.request(*call)
                response = connection.getresponse()
            content = response.read()
        finally:
            self._free.put(connection)
        if response.status != 200:
            raise UnexpectedStatus(f"{response.status} {content[:500]!r}")
        return content


class Superimpose(Client):
    env: Mapping[str, str]
    log: Path
    redis: Redis

    def __init__(self, url: str, pids: list[int], key: str) -> None:
        super().__init__(url, pids, {"x-api-key": key})

    def submit(self, job: Job) -> str:
        body = job._asdict() | PARAMS
        del body["function"]
        return str(self.post("/v2/superimpose", body)["request_id"])

    def submit_sample(self) -> str:
        """Submit the README's request, which has small pictures."""
        samples = f"{self.url}/samples"
        body = {"base_image": f"{samples}/cup.jpg", "overlay_image": f"{samples}/logo.png", **SAMPLE}
        return str(self.post("/v2/superimpose", body)["request_id"])

    def picture_if_done(self, job_id: str) -> bytes | None:
        result = json.loads(self.get(f"/v2/requests/{job_id}"))
        if result["status"] != "COMPLETED":  # FAILED is a 422, which raises
            return None
        return self.get(result["output"].removeprefix(self.url))

    def poll(self, request_id: str) -> bool:
        """Whether the request is COMPLETED."""
        return bool(json.loads(self.get(f"/v2/requests/{request_id}/status"))["status"] == "COMPLETED")

    def await_end(self, request_id: str, pause_s: float) -> None:
        wait_for(lambda: self.poll(request_id), "end", pause_s)


class Peer(Client):
    """A peer behind FastAPI."""

    def submit(self, job: Job) -> str:
        return str(self.post("/jobs", job._asdict())["id"])

    def picture_if_done(self, job_id: str) -> bytes | None:
        status = json.loads(self.get(f"/jobs/{job_id}"))["status"].lower()
        if status.startswith("fail"):
            raise RuntimeError(f"job {job_id}: {status}")
        if status not in ("done", "finished", "success", "complete"):
            return None
        return self.get(f"/jobs/{job_id}/picture")


class Thumbor(Client):
    """thumbor renders while its client waits; up to `CONNECTIONS` calls at a time."""

    def __init__(self, url: str, pids: list[int]) -> None:
        super().__init__(url, pids)
        self._threads = ThreadPoolExecutor(CONNECTIONS)
        self._pictures: dict[str, Future[bytes]] = {}

    def submit(self, job: Job) -> str:
        base, overlay = (quote(url, safe="") for url in job[:2])
        place = f"{PARAMS['x_offset']},{PARAMS['y_offset']},0,{THUMBOR_WIDTH}"
        path = f"/unsafe/filters:watermark({overlay},{place}):format({job.image_format})/{base}"
        self._pictures[path] = self._threads.submit(self.get, path)
        return path

    def picture_if_done(self, job_id: str) -> bytes | None:
        return self._pictures.pop(job_id).result()
