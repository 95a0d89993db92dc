"""An API that reports its waiting calls, and requests that change on a test's command."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest
from redis import Redis

from jobs.config.settings import Settings
from jobs.lifecycle.moves import Failure
from jobs.lifecycle.output import Output
from jobs.lifecycle.status import FailureCode
from jobs.lifecycle.transitions import Transitions
from tests.edge import Edge, serving
from tests.stack import KEY

PICTURES = {"base_image": "https://shop.example/cup.jpg", "overlay_image": "https://shop.example/logo.png"}
OUTPUT = Output("token", "outputs/20300101T0000/token", "image/png", 10, 4, 3)
BROKEN = Failure(FailureCode.INTERNAL, "broken")
STATUS = "/v2/requests/{}/status"
STREAM = f"{STATUS}/stream"
SECONDS = {"wait": 60}
WATCHED = "tests.api.waiting.watched"
MAX_CONNECTIONS = 1100
COMPLAINTS = ("Exception in ASGI application", "exception was never retrieved", "Task was destroyed")


@pytest.fixture(scope="session")
def redis(redis_socket) -> Iterator[Redis]:
    with Redis.from_url(f"unix://{redis_socket}?db=7") as connection:
        connection.flushdb()
        yield connection


@pytest.fixture(scope="session")
def edge(redis, redis_socket, tmp_path_factory) -> Iterator[Edge]:
    """Shared, as starting an API takes longer than most of these tests."""
    folder = tmp_path_factory.mktemp("waiting")
    with serving(redis_socket, folder, WATCHED, max_connections=MAX_CONNECTIONS) as edge:
        yield edge
        assert not any(complaint in edge.log for complaint in COMPLAINTS)


@pytest.fixture(scope="session")
def transitions(redis) -> Transitions:
    return Transitions(redis, Settings())


@contextmanager
def client_of(edge: Edge) -> Iterator[httpx.Client]:
    with httpx.Client(
        base_url=edge.url, headers={"x-api-key": KEY}, trust_env=False, timeout=30
    ) as connection:
        yield connection


@pytest.fixture
def client(edge) -> Iterator[httpx.Client]:
    with client_of(edge) as connection:
        yield connection


@pytest.fixture
def request_id(client) -> str:
    return str(client.post("/v2/superimpose", json=PICTURES).json()["request_id"])


def until(found: Callable[[], object], patience_s: float = 60) -> None:
    deadline = time.monotonic() + patience_s
    while not found():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def watched(client) -> Callable[[], dict[str, int]]:
    return lambda: client.get("/watched").json()


@pytest.fixture
def meanwhile(edge, watched) -> Iterator[Callable[..., Callable[[], httpx.Response]]]:
    """Starts a call in another thread and waits until it waits; returns a function that gets its response."""
    with client_of(edge) as other, ThreadPoolExecutor() as threads:

        def meanwhile(path: str, **more: object) -> Callable[[], httpx.Response]:
            before = watched()["waiting"]
            call = threads.submit(other.get, path, **more)  # type: ignore[arg-type]
            until(lambda: watched()["waiting"] > before)
            return call.result

        yield meanwhile
