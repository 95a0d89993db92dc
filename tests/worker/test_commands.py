"""A worker receives the commands on its channel for as long as it lives."""

import threading
from typing import Any

import pytest

from tests.redis.sentinels import until
from worker import commands as commands_module
from worker.commands import Commands

CHANNEL = "rq:pubsub:a-worker"
PATIENCE_S = 60


@pytest.fixture
def received(redis, monkeypatch):
    """The commands that a worker has received so far; one of them raises."""
    monkeypatch.setattr(commands_module, "QUIET_S", 0.2)
    monkeypatch.setattr(commands_module, "RECONNECT_S", 0.01)
    received = list[bytes]()

    def handle(message: dict[str, Any]) -> None:
        if message["data"] == b"impossible":
            raise ValueError("cannot be handled")
        received.append(message["data"])

    commands = Commands(redis, CHANNEL, handle)
    until(lambda: is_subscribed(redis), "a worker that receives commands")
    yield received
    commands.close()
    assert not any(thread.name == "commands" for thread in threading.enumerate())


def is_subscribed(redis) -> bool:
    return bool(redis.pubsub_numsub(CHANNEL)[0][1])


def receives(redis, received: list[bytes], word: bytes) -> bool:
    redis.publish(CHANNEL, word)
    return word in received


def test_commands_are_received_and_probes_are_not_handled(redis, received):
    redis.publish(CHANNEL, "one")
    until(lambda: received == [b"one"], "one")

    with redis.pubsub() as beside:
        beside.subscribe(CHANNEL)
        until(lambda: (beside.get_message(timeout=1) or {}).get("data") == b"", "a worker that asks")

    redis.publish(CHANNEL, "two")
    until(lambda: received == [b"one", b"two"], "two")


@pytest.mark.parametrize("fault", ["impossible", "the connection is lost"])
def test_commands_are_received_again_after(redis, received, fault):
    if fault == "impossible":
        redis.publish(CHANNEL, fault)
    else:
        redis.client_kill_filter(_type="pubsub")

    until(lambda: receives(redis, received, b"next"), "the next command", PATIENCE_S)
