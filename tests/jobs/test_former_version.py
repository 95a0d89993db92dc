"""A rolling deploy: this version goes on with the Redis and the store of the former one.

`former_version.json` was recorded at commit cbfef77: commands that fill a Redis, with times from now on.
"""

import base64
import json
import re
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis import Redis

from tests.stack import Stack, environment, running

FORMER = Path(__file__).with_name("former_version.json")
UNITS = {"ms": 1000, "s": 1}
UNFINISHED = ("queued", "in_transit", "delayed", "leased", "lost")


@pytest.fixture(scope="module")
def former() -> dict[str, Any]:
    def time_from_now(offset: re.Match[str]) -> str:
        return str(round(time.time() * UNITS[offset[2]]) + int(offset[1]))

    return json.loads(re.sub(r"<now([+-]\d+)(m?s)>", time_from_now, FORMER.read_text()))


@pytest.fixture(scope="module")
def stack(former, redis_socket, tmp_path_factory):
    """An API and a worker of this version."""
    url, data_dir = f"unix://{redis_socket}?db=6", tmp_path_factory.mktemp("data")
    for path, data in former["files"].items():
        file = data_dir / "store" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(base64.b64decode(data))
    with Redis.from_url(url) as redis:
        redis.flushdb()
        for command in former["commands"]:
            redis.execute_command(*(word.encode("latin-1") for word in command))
    with running(environment(url, data_dir, lease_s=1), workers=1) as stack:
        yield stack


def test_ended_requests_can_be_read(stack: Stack, former):
    completed = stack.client.get(f"/v2/requests/{former['requests']['completed']}").json()
    failed = stack.status(former["requests"]["failed"])

    picture = httpx.get(completed["images"][0]["url"], trust_env=False)
    assert (picture.status_code, picture.content[:3]) == (200, b"\xff\xd8\xff")
    assert (failed.status_code, failed.json()["code"]) == (422, "invalid_image")


def test_the_same_submit_again_is_the_same_request(stack: Stack, former):
    body = {"base_image": "https://shop.example/a.png", "overlay_image": "https://shop.example/b.png"}

    again = stack.client.post("/v2/superimpose", json=body, headers={"idempotency-key": "once"})

    assert (again.status_code, again.json()["request_id"]) == (200, former["requests"]["idempotent"])


@pytest.mark.parametrize("name", UNFINISHED)
def test_unfinished_requests_complete(stack: Stack, former, name):
    assert stack.finish(former["requests"][name]).json()["status"] == "COMPLETED"


def test_credits_are_settled_when_all_has_ended(stack: Stack, former):
    for name in UNFINISHED:
        stack.finish(former["requests"][name])

    left = stack.client.get("/v1/get-user-credits").json()["credits"]
    assert left == 100 - 1 - len(UNFINISHED), "100 before, and one request was COMPLETED then"


def test_an_upload_can_be_used(stack: Stack, former):
    url = f"{stack.url}/pictures/{former['upload']}"

    assert stack.finish(stack.submit(base_image=url, overlay_image=url)).json()["status"] == "COMPLETED"
