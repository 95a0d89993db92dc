"""Batches that arrive slowly, and batches accepted just before Redis becomes unavailable."""

import time
from datetime import datetime

import httpx
import pytest
from redis import Redis

from jobs import keyspace
from jobs.keys.api_keys import ApiKeys
from tests import edge
from tests.api.batches.conftest import NDJSON, lines
from tests.chaos.outside.proxy import Trap, proxying
from tests.chaos.outside.redis_process import RedisProcess
from tests.edge import serving
from tests.stack import KEY, ON_LOOPBACK, environment, running

URLS = {"base_image": "https://shop.example/1.jpg", "overlay_image": "https://shop.example/logo.png"}


@pytest.fixture
def redis(redis_socket):
    with Redis.from_url(f"unix://{redis_socket}?db={edge.DATABASE}") as redis:
        redis.flushdb()
        ApiKeys(redis).make_valid("dev", KEY)
        yield redis


@pytest.fixture
def impatient(redis_socket, redis, tmp_path):
    with serving(redis_socket, tmp_path, "tests.api.batches.impatient", "api") as api:
        yield api


@pytest.mark.parametrize("first", [[URLS] * 60, [{"opacity": 2}]])
def test_a_slow_batch_is_refused_at_the_deadline_with_or_without_faults(impatient, redis, first):
    def trickle():
        yield lines(*first)
        for _ in range(20):
            time.sleep(0.2)
            yield lines(URLS)

    headers = {"x-api-key": KEY, "content-type": NDJSON}
    with httpx.Client(base_url=impatient.url, headers=headers, timeout=30, **ON_LOOPBACK) as client:
        answer = client.post("/v2/superimpose/batch", content=trickle())

    assert (answer.status_code, answer.json()["code"]) == (400, "slow_body")
    assert "was not complete within 1 s" in answer.json()["error"]
    assert not redis.keys(keyspace.request("*"))
    assert not redis.exists(keyspace.OPEN_BATCHES)


def test_an_accepted_batch_is_answered_even_if_redis_cannot_be_read(tmp_path):
    with (
        RedisProcess(tmp_path) as server,
        Redis(port=server.port) as redis,
        proxying(server.port) as proxy,
        running(environment(f"redis://127.0.0.1:{proxy.port}", tmp_path), workers=0) as stack,
    ):
        key = ApiKeys(redis).create("batches")[1]
        with httpx.Client(
            base_url=stack.url, headers={"x-api-key": key}, timeout=30, **ON_LOOPBACK
        ) as client:
            client.get("/v2/batches")  # caches the key
            proxy.trap = Trap(f"HMGET\r\n$54\r\n{keyspace.batch('')}".encode(), "holds_commands")

            answer = client.post("/v2/superimpose/batch", json={"requests": [URLS] * 3})

            assert proxy.holds_commands
            proxy.holds_commands = False
            assert answer.status_code == 200, answer.text
            submitted = answer.json()
            polled = client.get(submitted["status_url"]).json()
        created = [datetime.fromisoformat(each.pop("created_at")) for each in (submitted, polled)]
        assert submitted == polled
        assert abs(created[0] - created[1]).total_seconds() < 10
