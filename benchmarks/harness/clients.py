"""The jobs of the contestants, and HTTP clients that submit them, poll and fetch the picture."""

import itertools
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple
from urllib.parse import quote
from uuid import uuid4

from redis import Redis

from benchmarks import seed
from benchmarks.harness.processes import cpu_s, wait_for

CONNECTIONS = 16
CALL_TIMEOUT_S = 60
THUMBOR_WIDTH = 25
"""Overlay width in per cent of the base: 0.4 of 640 pixels on 1024."""
SAMPLE = {"rescale_factor": 0.33, "x_offset": 430, "y_offset": 235}
JSON = "application/json"


class Job(NamedTuple):
    """A picture to render; the peers' workers call `function`, the compositor or plain Pillow."""

    base_image: str
    overlay_image: str
    image_format: str
    function: str


class Workload(NamedTuple):
    """A kind of job; `title` is its name in tables, `bases` and `logos` whether each job has its own."""

    name: str
    title: str
    image_format: str
    function: str
    bases: bool
    logos: bool


SAME_FUNCTION = [
    Workload("seed-jpeg", "seed, JPEG", "jpeg", "compositor", bases=False, logos=False),
    Workload("seed-png", "seed, PNG", "png", "compositor", bases=False, logos=False),
]
PLAIN_PILLOW = [
    Workload("different-jpeg", "all new, JPEG", "jpeg", "pillow", bases=True, logos=True),
    Workload("different-png", "all new, PNG", "png", "pillow", bases=True, logos=True),
    Workload("one-base-jpeg", "logos, JPEG", "jpeg", "pillow", bases=False, logos=True),
    Workload("one-base-png", "logos, PNG", "png", "pillow", bases=False, logos=True),
]
SEED_JPEG, DIFFERENT_JPEG = SAME_FUNCTION[0], PLAIN_PILLOW[0]

_numbers = itertools.count(1)


def new_jobs(workload: Workload, origin: str, count: int, delay_ms: int = 0) -> list[Job]:
    """Jobs with inputs that no cache has seen, if the workload has different ones.

    `origin` is the URL of a server of `seed_file`, which delays each input by `delay_ms`.
    """
    return [
        Job(
            f"{origin}/base-{number if workload.bases else 0}.jpeg?{delay_ms}",
            f"{origin}/logo-{number if workload.logos else 0}.png?{delay_ms}",
            workload.image_format,
            workload.function,
        )
        for number in itertools.islice(_numbers, count)
    ]


def seed_file(name: str) -> list[bytes]:
    """The seed's base or overlay with a number appended: the same picture, but new to any cache."""
    kind, _, number = name.partition(".")[0].partition("-")
    return [seed.base_jpeg() if kind == "base" else seed.overlay_png(), number.encode()]


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
        body = job._asdict() | seed.PARAMS
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
        job_id = str(uuid4())
        self.post("/jobs", {"id": job_id, **job._asdict()})
        return job_id

    def picture_if_done(self, job_id: str) -> bytes | None:
        status = json.loads(self.get(f"/jobs/{job_id}")).lower()
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
        place = f"{seed.PARAMS['x_offset']},{seed.PARAMS['y_offset']},0,{THUMBOR_WIDTH}"
        path = f"/unsafe/filters:watermark({overlay},{place}):format({job.image_format})/{base}"
        self._pictures[path] = self._threads.submit(self.get, path)
        return path

    def picture_if_done(self, job_id: str) -> bytes | None:
        return self._pictures.pop(job_id).result()
