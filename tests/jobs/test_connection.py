"""Connections to a Redis that is silent, slow or not started yet."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import httpx
import pytest
import uvloop
from redis import Redis, RedisError, TimeoutError

from cli.serve.redis_server import await_ready, find_server, server_command
from jobs import keyspace
from jobs.config.settings import BAD_SETTINGS, Settings
from jobs.redis import connection
from jobs.redis.connection import connect, connect_async, connect_async_changes, connect_worker
from tests import warm
from tests.redis import guarded_redis
from tests.redis.sentinels import until
from tests.redis.way import Way
from tests.stack import KEY, STOP_S, Stack, await_http, empty_database, environment, free_port, running
from worker.warm_worker import WarmWorker

ANSWER_S = 15  # at most: the default timeouts of sockets are longer
DATABASE, DATABASE_OF_STACK = 8, 9


Started = tuple[Any, Path]  # a process and its log file


@pytest.fixture
def way(redis_socket: Path) -> Iterator[Way]:
    with Way(redis_socket).serving() as way, Redis.from_url(f"unix://{redis_socket}?db={DATABASE}") as redis:
        redis.flushdb()
        yield way


@pytest.fixture
def settings(way: Way, tmp_path: Path) -> Settings:
    return Settings(redis_url=f"redis://127.0.0.1:{way.port}/{DATABASE}", data_dir=tmp_path)


@pytest.fixture
def redis(redis_socket: Path, way: Way) -> Iterator[Redis]:
    """The same database, reached directly."""
    with Redis.from_url(f"unix://{redis_socket}?db={DATABASE}") as redis:
        yield redis


@pytest.fixture(scope="module")
def way_of_stack(redis_socket: Path) -> Iterator[Way]:
    empty_database(redis_socket, DATABASE_OF_STACK)
    with Way(redis_socket).serving() as way:
        yield way


@pytest.fixture(scope="module")
def stack(way_of_stack: Way, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    url = f"redis://127.0.0.1:{way_of_stack.port}/{DATABASE_OF_STACK}"
    with running(environment(url, tmp_path_factory.mktemp("stack")), workers=0) as stack:
        yield stack


def samples(stack: Stack) -> dict[str, str]:
    return {
        "base_image": f"{stack.url}/samples/cup.jpg",
        "overlay_image": f"{stack.url}/samples/logo.png",
    }


def submit(stack: Stack) -> httpx.Response:
    return stack.client.post("/v2/superimpose", json=samples(stack), timeout=ANSWER_S)


@pytest.mark.parametrize("kind", ["silent", "full"])
def test_a_redis_that_does_not_reply_is_a_502_in_time_until_it_replies_again(stack, way_of_stack, kind):
    request_id = submit(stack).json()["request_id"]

    with getattr(way_of_stack, kind)():
        assert submit(stack).status_code == 502  # over open connections
        assert submit(stack).status_code == 502  # over new ones
        poll = stack.client.get(f"/v2/requests/{request_id}/status", timeout=ANSWER_S)
        assert poll.status_code == 502

    assert stack.status(request_id).status_code == 200
    assert submit(stack).status_code == 200


def test_a_submit_whose_last_reply_is_lost_is_a_502_and_accepted_once(stack, way_of_stack, redis_socket):
    assert submit(stack).status_code == 200
    with Redis.from_url(f"unix://{redis_socket}?db={DATABASE_OF_STACK}") as redis:
        waiting = redis.zcard(keyspace.WAITING)

        way_of_stack.drop_from = b'"max_waiting"'
        assert submit(stack).status_code == 502

        way_of_stack.to_drop = 0
        assert redis.zcard(keyspace.WAITING) == waiting + 1
    assert submit(stack).status_code == 200


def test_a_submit_whose_first_reply_is_lost_is_accepted_in_time(stack, way_of_stack):
    assert submit(stack).status_code == 200

    way_of_stack.to_drop = 1
    assert submit(stack).status_code == 200


def test_a_write_is_not_repeated_when_its_reply_is_lost(settings, way, redis):
    with connect(settings) as slow:
        slow.ping()
        way.to_drop = 1
        with pytest.raises(TimeoutError):
            slow.incr("changes")

    assert redis.get("changes") == b"1"


def test_a_write_by_asyncio_is_not_repeated_when_its_reply_is_lost(settings, way, redis):
    async def change() -> None:
        async with connect_async_changes(settings) as slow:
            await slow.ping()
            way.to_drop = 1
            await slow.incr("changes")

    with pytest.raises(TimeoutError):
        asyncio.run(change())

    assert redis.get("changes") == b"1"


def test_a_read_is_repeated_once_when_its_reply_is_lost(settings, way):
    async def read(answers_lost: float) -> bytes | None:
        async with connect_async(settings) as slow:
            await slow.set("read", "this")
            way.to_drop = answers_lost
            return await slow.get("read")

    assert asyncio.run(read(1)) == b"this"
    with pytest.raises(TimeoutError):
        asyncio.run(read(1000))


def test_a_read_over_a_connection_that_uvloop_found_closed_is_repeated(settings):
    async def read() -> bytes | None:
        async with connect_async(settings) as redis:
            await redis.set("read", "this")
            (connection,) = redis.connection_pool._available_connections
            connection._writer.transport.abort()
            await asyncio.sleep(0)
            return await redis.get("read")

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(read()) == b"this"


def test_the_search_among_silent_sentinels_ends_in_time(tmp_path, shipped_connect_timeout_s, monkeypatch):
    monkeypatch.setattr(connection, "CONNECT_TIMEOUT_S", shipped_connect_timeout_s)

    async def read() -> None:
        async with connect_async(settings) as redis:
            await redis.get("any")

    with contextlib.ExitStack() as silent:
        servers = [silent.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(3)]
        hosts = ",".join(f"127.0.0.1:{server.getsockname()[1]}" for server in servers)
        url = f"redis+sentinel://:secret@{hosts}/shop?sentinel_password=secret"
        settings = Settings(redis_url=url, data_dir=tmp_path)
        with pytest.raises(RedisError, match="no Sentinel knows a live master of shop") as refused:
            asyncio.run(asyncio.wait_for(read(), ANSWER_S))
        with connect(settings) as redis, pytest.raises(RedisError, match="no Sentinel knows"):
            asyncio.run(asyncio.wait_for(asyncio.to_thread(redis.get, "any"), ANSWER_S))

    assert "secret" not in str(refused.value)


def test_a_write_survives_an_idle_connection_that_a_nat_dropped(settings, way, redis, monkeypatch):
    monkeypatch.setattr(connection, "IDLE_S", 0.05)
    with connect(settings) as api:
        for change in range(1, 4):
            api.incr("changes")
            time.sleep(0.1)
            way.forgets |= way.clients

            assert api.incr("changes") == 2 * change

    assert redis.get("changes") == b"6"


def test_a_write_by_asyncio_survives_an_idle_connection_that_a_nat_dropped(settings, way, redis, monkeypatch):
    async def change() -> None:
        async with connect_async_changes(settings) as api:
            for change in range(1, 4):
                await api.incr("changes")
                await asyncio.sleep(0.1)
                way.forgets |= way.clients

                assert await api.incr("changes") == 2 * change

    monkeypatch.setattr(connection, "IDLE_S", 0.05)
    asyncio.run(change())

    assert redis.get("changes") == b"6"


def test_a_write_survives_an_idle_connection_that_redis_closed(redis_socket, redis):
    direct = Settings(redis_url=f"unix://{redis_socket}?db={DATABASE}")

    async def change() -> int:
        async with connect_async_changes(direct) as api:
            await api.incr("changes")
            redis.client_kill_filter(_type="normal", skipme=True)
            await asyncio.sleep(0.05)
            return await api.incr("changes")

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(change()) == 2


def test_every_connection_over_tcp_is_kept_alive(settings):
    async def kept_alive() -> bool:
        async with connect_async(settings) as redis, redis.pubsub() as subscription:
            await subscription.subscribe("any")
            await redis.ping()
            (pooled,) = redis.connection_pool._available_connections
            sockets = [each._writer.get_extra_info("socket") for each in (pooled, subscription.connection)]
            return all(map(is_kept_alive, sockets))

    assert asyncio.run(kept_alive())
    for connecting in (connect, connect_worker):
        with connecting(settings) as redis, redis.client() as pinned:
            pinned.ping()
            assert is_kept_alive(pinned.connection._sock)


def is_kept_alive(connected: socket.socket) -> bool:
    """Whether keep-alive probes pass a NAT at least once a minute."""
    often = connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) <= 60
    return often and bool(connected.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Redis Cluster, of one server."""
    port, bus, folder = free_port(), free_port(), tmp_path_factory.mktemp("cluster")
    options = ["--cluster-enabled", "yes", "--cluster-port", str(bus), "--save", "", "--bind", "127.0.0.1"]
    process = guarded_redis.start(
        ["redis-server", "--dir", str(folder), "--port", str(port), *options], folder
    )
    try:
        guarded_redis.await_redis(f"redis://127.0.0.1:{port}", process)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def started(commands: Iterable[str], env: Mapping[str, str], folder: Path) -> Iterator[dict[str, Started]]:
    """Processes that run at the same time, by command, each with its log file."""
    processes: dict[str, Started] = {}
    try:
        for command in commands:
            log_file = folder / command
            with log_file.open("wb") as log:
                words = command.replace("PORT", str(free_port())).split()
                processes[command] = (warm.start(words, env, log), log_file)
        yield processes
    finally:
        for process, _ in processes.values():
            process.kill()
            process.wait()


@pytest.mark.parametrize("protocol", ["2", "3"])
def test_a_cluster_is_refused_with_one_sentence(cluster, tmp_path, protocol):
    statuses = {
        "cli api --port PORT": BAD_SETTINGS,
        "cli worker --workers 1": BAD_SETTINGS,
        "worker": BAD_SETTINGS,
        "cli keys list": BAD_SETTINGS,
        "cli doctor": 1,
    }
    env = environment(f"{cluster}?protocol={protocol}", tmp_path)
    with started(statuses, env, tmp_path) as processes:
        for command, (process, log_file) in processes.items():
            assert process.wait(60) == statuses[command], command
            log = log_file.read_text()
            assert log.count("SUPERIMPOSE_REDIS_URL names a Redis Cluster") == 1, command
            assert "Traceback" not in log, command


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_process_that_waits_for_redis_ends_at_a_signal(tmp_path, number):
    env = environment(f"unix://{tmp_path / 'no.sock'}", tmp_path, workers=1)
    with started(["cli api --port PORT", "cli worker", "worker"], env, tmp_path) as processes:
        for command, (process, log_file) in processes.items():
            until(lambda file=log_file: "Redis cannot be reached" in file.read_text(), f"{command} waits")
            process.send_signal(number)
        for command, (process, log_file) in processes.items():
            assert process.wait(STOP_S) in (0, -number, 128 + number), command
            assert "Traceback" not in log_file.read_text(), command


@contextlib.contextmanager
def starting_before_redis(url: str, env: Mapping[str, str], log: IO[bytes]) -> Iterator[Stack]:
    """An API and a worker, without waiting for them."""
    with httpx.Client(base_url=url, headers={"x-api-key": KEY}, trust_env=False) as client:
        stack = Stack(url, env, client, log=log)
        try:
            stack.start("cli", "api", "--port", url.rpartition(":")[2])
            stack.start("worker")
            yield stack
        finally:
            stack.stop()


def test_api_and_worker_started_before_redis_wait_for_it_and_say_so(tmp_path):
    redis_socket, log_file = tmp_path / "late.sock", tmp_path / "log"
    env = environment(f"unix://{redis_socket}", tmp_path)
    url = f"http://127.0.0.1:{free_port()}"
    with log_file.open("wb") as log, starting_before_redis(url, env, log) as stack:
        warning = "Redis cannot be reached, trying again in 0.5 s"
        until(lambda: log_file.read_text().count(warning) == 2, "the second warning of both")

        command = [find_server(), "--port", "0", "--unixsocket", str(redis_socket), "--dir", str(tmp_path)]
        with subprocess.Popen([*command, "--save", ""], stdout=subprocess.DEVNULL) as late:
            try:
                await_http(f"{url}/livez", stack.processes[0])
                assert stack.finish(stack.submit(**samples(stack))).json()["status"] == "COMPLETED"
                stack.stop()
            finally:
                late.terminate()


def test_a_worker_starts_with_any_characters_in_the_path_of_the_socket(tmp_path):
    folder = tmp_path / "a b#c?%20d=="
    folder.mkdir()
    server = subprocess.Popen(server_command(folder, folder / "redis.sock"), stdout=subprocess.DEVNULL)
    try:
        await_ready(folder / "redis.sock", lambda: server.poll() is not None)
        settings = Settings(redis_url=f"unix://{quote(str(folder))}/redis.sock", data_dir=tmp_path)

        assert WarmWorker(connect_worker(settings), settings).pid == os.getpid()
    finally:
        server.terminate()
        server.wait()
