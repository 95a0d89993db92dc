"""Batches that trickle in, and those whose answer Redis cannot be read for."""

import time

import httpx
import pytest
from redis import Redis

from jobs import keyspace
from jobs.keys.api_keys import ApiKeys
from tests import edge
from tests.api.batches.conftest import NDJSON, lines
from tests.edge import serving
from tests.stack import KEY, ON_LOOPBACK

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
def test_a_batch_that_trickles_is_ended_with_its_faults_or_without(impatient, redis, first):
    def trickle():
        yield lines(*first)
        for _ in range(20):
            time.sleep(0.2)
            yield lines(URLS)

    headers = {"x-api-key": KEY, "content-type": NDJSON}
    with httpx.Client(base_url=impatient.url, headers=headers, timeout=30, **ON_LOOPBACK) as client:
        answer = client.post("/v2/superimpose/batch", content=trickle())

    assert (answer.status_code, answer.json()["code"]) == (400, "slow_body")
    assert "was not whole within 1 s" in answer.json()["error"]
    assert not redis.keys(keyspace.request("*"))
    assert not redis.exists(keyspace.OPEN_BATCHES)
