"""What a worker is told on its channel is heard for as long as it lives."""

import threading
from typing import Any

import pytest

from tests.redis.sentinels import until
from worker import commands as commands_module
from worker.commands import Commands

CHANNEL = "rq:pubsub:a-worker"
PATIENCE_S = 60


@pytest.fixture
def heard(redis, monkeypatch):
    """What a worker has heard so far, that cannot obey everything."""
    monkeypatch.setattr(commands_module, "QUIET_S", 0.2)
    monkeypatch.setattr(commands_module, "RECONNECT_S", 0.01)
    heard = list[bytes]()

    def obey(message: dict[str, Any]) -> None:
        if message["data"] == b"impossible":
            raise ValueError("cannot be obeyed")
        heard.append(message["data"])

    commands = Commands(redis, CHANNEL, obey)
    until(lambda: is_heard(redis), "a worker that hears commands")
    yield heard
    commands.close()
    assert not any(thread.name == "commands" for thread in threading.enumerate())


def is_heard(redis) -> bool:
    return bool(redis.pubsub_numsub(CHANNEL)[0][1])


def hears(redis, heard: list[bytes], word: bytes) -> bool:
    redis.publish(CHANNEL, word)
    return word in heard


def test_a_command_is_received_and_a_probe_is_not_taken_for_one(redis, heard):
    redis.publish(CHANNEL, "one")
    until(lambda: heard == [b"one"], "one")

    with redis.pubsub() as beside:
        beside.subscribe(CHANNEL)
        until(lambda: (beside.get_message(timeout=1) or {}).get("data") == b"", "a worker that asks")

    redis.publish(CHANNEL, "two")
    until(lambda: heard == [b"one", b"two"], "two")


@pytest.mark.parametrize("fault", ["impossible", "the connection is lost"])
def test_commands_are_received_again_after(redis, heard, fault):
    if fault == "impossible":
        redis.publish(CHANNEL, fault)
    else:
        redis.client_kill_filter(_type="pubsub")

    until(lambda: hears(redis, heard, b"next"), "the next command", PATIENCE_S)
