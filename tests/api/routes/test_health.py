"""Health checks name what is missing, and many callers cost as much as one."""

import asyncio
import socket

import pytest
from redis import Redis

from api.health import Health, SharedResult
from api.routes.metrics import RedisState
from jobs.config.settings import Settings
from jobs.pictures.store import PictureStore
from jobs.redis.connection import connect
from tests.stack import environment, running


@pytest.fixture
def alone(redis, redis_socket, tmp_path):
    """An API without workers."""
    with running(environment(f"unix://{redis_socket}?db=1", tmp_path), workers=0) as stack:
        yield stack.client


def missing(settings: Settings) -> list[str]:
    health = Health(connect(settings), PictureStore.open(settings))
    return asyncio.run(health.missing())


def test_a_working_service_is_ready_and_reports_its_load(service):
    ready, health = service.client.get("/readyz"), service.client.get("/health")

    assert (ready.status_code, ready.json()) == (200, {"status": "ok", "missing": []})
    assert health.status_code == 200
    assert set(health.json()) == {"version", "waiting", "processing", "oldest_waiting_s", "workers"}
    assert set(health.json()["workers"]) == {"idle", "busy"}


def test_metrics_are_off_by_default(service):
    assert service.client.get("/metrics").status_code == 404


def test_a_service_without_workers_is_not_ready(alone):
    answer = alone.get("/readyz")

    assert (answer.status_code, answer.json()) == (503, {"status": "unavailable", "missing": ["worker"]})
    assert alone.get("/health").json()["workers"] == {"idle": 0, "busy": 0}
    assert alone.get("/livez").status_code == 200


def test_an_unreachable_redis_is_reported(settings, tmp_path):
    away = settings.model_copy(update={"redis_url": f"unix://{tmp_path}/nothing.sock"})

    assert missing(away) == ["redis"]


def test_a_silent_redis_is_reported(settings, tmp_path):
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "s"))
        silent.listen()
        assert missing(settings.model_copy(update={"redis_url": f"unix://{tmp_path}/s"})) == ["redis"]


def test_a_store_that_cannot_be_written_is_reported(settings, tmp_path):
    (tmp_path / "file").touch()
    unwritable = settings.model_copy(update={"storage_url": (tmp_path / "file" / "store").as_uri()})

    assert missing(unwritable) == ["store", "worker"]


def test_metrics_without_redis_report_only_that(tmp_path):
    away = RedisState(Redis.from_url(f"unix://{tmp_path}/nothing.sock"))

    assert [(family.name, family.samples[0].value) for family in away.collect()] == [
        ("superimpose_redis_up", 0)
    ]


def test_a_result_is_shared_while_it_is_loaded_and_until_its_ttl_ends():
    loads: list[str] = []

    async def load() -> int:
        loads.append("load")
        await asyncio.sleep(0)
        return len(loads)

    async def check() -> list[int]:
        long, none = SharedResult(load, ttl_s=3600), SharedResult(load, ttl_s=0)
        concurrent = await asyncio.gather(long.get(), long.get())
        return [*concurrent, await long.get(), await none.get(), await none.get()]

    assert asyncio.run(check()) == [1, 1, 1, 2, 3]
