"""Large batches, and results that are read slowly: memory stays bounded, every request appears once."""

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from redis import Redis

from jobs import keyspace
from jobs.keys.api_keys import ApiKeys
from tests import edge
from tests.api.batches.conftest import NDJSON, lines
from tests.edge import serving
from tests.stack import KEY, ON_LOOPBACK, empty_database, environment, running

MEBIBYTE = 1024 * 1024
BASE64 = {"base64": True, "image_format": "png"}


def peak_bytes(pid: int) -> int:
    """The peak memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    return 1024 * int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))


def sent(count: int, size: int) -> Iterator[bytes]:
    """Requests with different inline pictures of `size` bytes in JSON."""
    for number in range(count):
        picture = base64.b64encode(b"%9d" % number + os.urandom(size * 3 // 4)).decode()
        yield lines({"custom_id": str(number), "base_image": picture, "color": "#000"})


@pytest.fixture
def api(redis_socket, tmp_path):
    with serving(redis_socket, tmp_path, "cli", "api") as api:
        with Redis.from_url(f"unix://{redis_socket}?db={edge.DATABASE}") as redis:
            redis.flushdb()
            ApiKeys(redis).make_valid("dev", KEY)
        yield api


def test_100_mb_of_ndjson_take_little_memory(api):
    headers = {"x-api-key": KEY, "content-type": NDJSON}
    with httpx.Client(base_url=api.url, headers=headers, timeout=120, **ON_LOOPBACK) as client:

        def submit(count: int) -> int:
            answer = client.post("/v2/superimpose/batch", content=sent(count, 20 * 1024))
            return int(answer.json()["request_counts"]["total"])

        assert submit(100) == 100
        before = peak_bytes(api.process.pid)

        assert submit(5000) == 5000

    assert peak_bytes(api.process.pid) - before < 48 * MEBIBYTE


@pytest.fixture(scope="module")
def stack(redis_socket, tmp_path_factory):
    env = environment(empty_database(redis_socket, 5), tmp_path_factory.mktemp("expiry"))
    with running(env, workers=1) as stack:
        yield stack


def test_requests_that_expire_while_results_are_read_are_reported_as_expired(stack, client, samples):
    names = [str(number) for number in range(150)]
    requests = [{**samples, **BASE64, "custom_id": name} for name in names]
    batch = client.accepted({"requests": requests})
    client.end(batch["batch_id"])
    path = f"/v2/batches/{batch['batch_id']}"

    with client.stream("GET", f"{path}/results", headers={"accept-encoding": "identity"}) as answer:
        received = answer.iter_lines()
        first = next(received)
        expire(stack)
        results = [json.loads(line) for line in [first, *received]]

    assert sorted(each["custom_id"] for each in results) == sorted(names)
    states = {each.get("code", each.get("status")) for each in results}
    assert states == {"COMPLETED", "expired"}
    for call in (path, f"{path}/results", f"{path}/requests", batch["zip_url"]):
        assert client.get(call).status_code == 404


def expire(stack):
    """Let everything with a TTL expire at once."""
    with Redis.from_url(stack.env["SUPERIMPOSE_REDIS_URL"]) as redis:
        redis.delete(*(name for name in redis.scan_iter(f"{keyspace.PREFIX}:*") if redis.ttl(name) > 0))
