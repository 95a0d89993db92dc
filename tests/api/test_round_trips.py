"""Round trips to Redis per call: key, limits and credits need none of their own."""

import base64
from collections.abc import Callable

import pytest
from redis import Redis

from jobs import keyspace
from jobs.pictures.inputs import sample_bytes
from tests.redis.recording import recording
from tests.stack import Stack, environment, running

BACKGROUND = [keyspace.RECONCILER, *map(keyspace.housekeeping, ("registries", "pictures"))]
OWN_MACHINE = keyspace.machine("")  # is checked without a lock
PICTURES = {"base_image": "https://shop.example/cup.jpg", "overlay_image": "https://shop.example/logo.png"}


@pytest.fixture
def stack(redis, redis_socket, tmp_path):
    for lock in BACKGROUND:
        redis.set(lock, "held")  # stops reconciler and housekeeping
    with running(environment(f"unix://{redis_socket}?db=1", tmp_path), workers=0) as stack:
        stack.submit(**PICTURES)  # opens connections and loads scripts
        yield stack


@pytest.fixture
def commands(redis: Redis):
    """The commands that clients (not scripts) send to this database during a call."""

    def commands(call: Callable[[], object]) -> list[str]:
        with recording(redis) as monitored:
            call()
        sent = [command["command"] for command in monitored if command["client_type"] != "lua"]
        return [
            command.split()[0]
            for command in sent
            if command != "PING" and not any(key in command for key in (*BACKGROUND, OWN_MACHINE))
        ]

    return commands


def test_a_submit_takes_two_round_trips(stack: Stack, commands):
    assert commands(lambda: stack.submit(**PICTURES)) == ["EVALSHA", "EVALSHA"]


def test_uploads_of_a_request_are_looked_up_in_one_round_trip(stack: Stack, commands):
    pictures = [
        base64.b64encode(sample_bytes(name)).decode() for name in ("cup.jpg", "logo.png", "print.png")
    ]
    body = {"data_urls": [f"data:image/png;base64,{picture}" for picture in pictures]}
    uploads = stack.client.post("/upload-asset", json=body).json()["urls"]
    sent = dict(zip(("base_image", "overlay_image", "mask"), uploads, strict=True))

    lookups = commands(lambda: stack.submit(**sent))

    assert lookups == ["EVALSHA", "HMGET", "HMGET", "HMGET", "EVALSHA"], "the three go in one round trip"


def test_a_waiting_call_reads_only_after_changes(stack: Stack, commands):
    status = f"/v2/requests/{stack.submit(**PICTURES)}/status"
    stack.client.get(status, params={"wait": 0.01})  # loads its script

    assert commands(lambda: stack.client.get(status, params={"wait": 0})) == ["EVALSHA"]
    assert commands(lambda: stack.client.get(status, params={"wait": 0.01})) == ["EVALSHA", "EVALSHA"]


def test_a_read_takes_one_round_trip(stack: Stack, commands):
    request_id = stack.submit(**PICTURES)

    assert commands(lambda: stack.status(request_id)) == ["EVALSHA"]
    assert commands(lambda: stack.client.get("/v1/get-user-credits")) == ["EVALSHA"]
    assert commands(lambda: stack.client.get("/pictures/unknown.png")) == ["EVALSHA"]
