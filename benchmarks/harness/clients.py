"""A service as its client sees it: submit, ask until it is done, fetch the picture."""

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
from benchmarks.harness.processes import cpu_s, until
from benchmarks.seed import PARAMS

CONNECTIONS = 16
CALL_S = 60
THUMBOR_WIDTH = 25
"""Of the overlay, in per cent of the base: 0.4 of 640 pixels on 1024."""
SAMPLE = {"rescale_factor": 0.33, "x_offset": 430, "y_offset": 235}
JSON = "application/json"


class UnexpectedAnswer(Exception):
    """An answer that is not 200."""


class Client(ABC):
    """`pids` are the processes that were started for the service, without Redis. Threads may share it."""

    def __init__(self, url: str, pids: list[int], headers: Mapping[str, str] | None = None) -> None:
        self.url = url
        self.pids = pids
        self._headers = headers or {}
        self._free: SimpleQueue[HTTPConnection] = SimpleQueue()
        for _ in range(CONNECTIONS):
            self._free.put(HTTPConnection(url.removeprefix("http://"), timeout=CALL_S))

    @abstractmethod
    def submit(self, job: Job) -> str:
        """The id of the job."""

    @abstractmethod
    def picture_if_done(self, job_id: str) -> bytes | None:
        """Ask once."""

    def get(self, path: str) -> bytes:
        return self._call("GET", path)

    def post(self, path: str, body: object, content_type: str = JSON) -> Any:
        """The answer to a body, or to what it is as JSON."""
        text = body if isinstance(body, str) else json.dumps(body)
        return json.loads(self._call("POST", path, text, content_type))

    def cpu_s(self) -> float:
        return cpu_s(self.pids)

    def _call(self, method: str, path: str, body: str | None = None, content_type: str = JSON) -> bytes:
        """The body of a 200. Raises `UnexpectedAnswer`."""
        call = method, path, body, {"content-type": content_type, **self._headers}
        connection = self._free.get()
        try:
            try:
                connection.request(*call)
                answer = connection.getresponse()
            except ConnectionError:  # the server closed it while it was idle
                connection.close()
                connection.request(*call)
                answer = connection.getresponse()
            content = answer.read()
        finally:
            self._free.put(connection)
        if answer.status != 200:
            raise UnexpectedAnswer(f"{answer.status} {content[:500]!r}")
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
        """The README's request, which is a small one."""
        samples = f"{self.url}/samples"
        body = {"base_image": f"{samples}/cup.jpg", "overlay_image": f"{samples}/logo.png", **SAMPLE}
        return str(self.post("/v2/superimpose", body)["request_id"])

    def picture_if_done(self, job_id: str) -> bytes | None:
        answer = json.loads(self.get(f"/v2/requests/{job_id}"))
        if answer["status"] != "COMPLETED":  # FAILED is a 422, which raises
            return None
        return self.get(answer["output"].removeprefix(self.url))

    def poll(self, request_id: str) -> bool:
        """Whether the request is COMPLETED."""
        return bool(json.loads(self.get(f"/v2/requests/{request_id}/status"))["status"] == "COMPLETED")

    def await_end(self, request_id: str, pause_s: float) -> None:
        until(lambda: self.poll(request_id), "end", pause_s)


class Peer(Client):
    """One of the peers behind FastAPI."""

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
    """thumbor makes a picture while its client waits, `CONNECTIONS` at a time."""

    def __init__(self, url: str, pids: list[int]) -> None:
        super().__init__(url, pids)
        self._threads = ThreadPoolExecutor(CONNECTIONS)
        self._made: dict[str, Future[bytes]] = {}

    def submit(self, job: Job) -> str:
        base, overlay = (quote(url, safe="") for url in job[:2])
        place = f"{PARAMS['x_offset']},{PARAMS['y_offset']},0,{THUMBOR_WIDTH}"
        path = f"/unsafe/filters:watermark({overlay},{place}):format({job.image_format})/{base}"
        self._made[path] = self._threads.submit(self.get, path)
        return path

    def picture_if_done(self, job_id: str) -> bytes | None:
        return self._made.pop(job_id).result()
