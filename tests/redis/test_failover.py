"""A managed Redis fails over behind one address, while old connections stay open."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from redis import Redis
from rq.command import PUBSUB_CHANNEL_TEMPLATE

from api.waiting import changes as changes_module
from api.waiting.changes import Changes
from jobs.config.settings import Settings
from jobs.keyspace import CHANGES
from jobs.redis.connection import connect, connect_async, connect_worker
from jobs.redis.primary import NotServing
from tests.chaos.outside.proxy import Proxy, proxying
from tests.chaos.outside.redis_pair import RedisPair, running_pair
from tests.redis.sentinels import until
from tests.stack import ON_LOOPBACK, Stack, environment, running
from worker import commands as commands_module
from worker.commands import Commands

PATIENCE_S = 60


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[RedisPair]:
    with running_pair(tmp_path / "redis") as pair:
        yield pair


@pytest.fixture
def address(pair: RedisPair) -> Iterator[Proxy]:
    with proxying(pair.primary.port) as address:
        yield address


@pytest.fixture
def settings(address: Proxy, tmp_path: Path) -> Settings:
    return Settings(redis_url=f"redis://127.0.0.1:{address.port}/0", data_dir=tmp_path)


@pytest.fixture
def fail_over(pair: RedisPair, address: Proxy):
    def fail_over() -> None:
        pair.fail_over()
        address.upstream_port = pair.primary.port

    return fail_over


def samples(stack: Stack) -> dict[str, str]:
    return {
        "base_image": f"{stack.url}/samples/cup.jpg",
        "overlay_image": f"{stack.url}/samples/logo.png",
    }


def test_under_load_every_accepted_request_ends_and_submits_continue(settings, fail_over, tmp_path):
    accepted, failed_over = list[str](), threading.Event()

    def submit(client: httpx.Client) -> bool:
        answer = client.post("/v2/superimpose", json=samples(stack))
        if answer.status_code == 200:
            accepted.append(answer.json()["request_id"])
        return answer.status_code == 200

    def load() -> None:
        """Submit until enough requests were accepted after the failover."""
        after = 0
        with httpx.Client(
            base_url=stack.url, headers=stack.client.headers, timeout=30, **ON_LOOPBACK
        ) as client:
            while after < 10:
                taken = submit(client)
                after += taken and failed_over.is_set()

    env = environment(settings.redis_url, tmp_path, job_timeout_s=30)
    with running(env, workers=2) as stack:
        threads = [threading.Thread(target=load) for _ in range(4)]
        for thread in threads:
            thread.start()
        until(lambda: len(accepted) > 20, "accepted requests")
        fail_over()
        failed_over.set()
        for thread in threads:
            thread.join(PATIENCE_S)

        assert not any(thread.is_alive() for thread in threads)
        for request_id in accepted:
            assert stack.finish(request_id).json()["status"] == "COMPLETED"
        assert [process.poll() for process in stack.processes] == [None] * 3


def test_without_a_worker_late_requests_end_and_wake_long_polls(settings, fail_over, tmp_path):
    env = environment(settings.redis_url, tmp_path, start_timeout_s=3, job_timeout_s=1)
    with running(env, workers=0) as stack:
        request_id = stack.submit(**samples(stack))
        fail_over()

        ended = stack.client.get(f"/v2/requests/{request_id}/status", params={"wait": 60}, timeout=70)

        assert ended.json()["code"] == "timeout"


def test_a_refused_write_is_made_once_at_the_new_primary(settings, pair, fail_over):
    with connect(settings) as api, connect_worker(settings) as worker:
        for redis in (api, worker):
            redis.ping()
        fail_over()

        assert [redis.incr("changes") for redis in (api, worker)] == [1, 2]
        with Redis(port=pair.primary.port) as new:
            assert new.get("changes") == b"2"


def test_a_wait_for_the_queue_continues_at_the_new_primary(settings, pair, fail_over):
    taken = list[bytes]()

    def wait() -> None:
        while not taken:
            with contextlib.suppress(NotServing):  # until the address leads to the new one
                taken.append(worker.blmove("queue", "taken", 4))

    with connect_worker(settings) as worker, Redis(port=pair.primary.port) as old:
        worker.ping()
        waiting = threading.Thread(target=wait)
        waiting.start()
        until(lambda: old.info("clients")["blocked_clients"] == 1, "a blocked client")

        fail_over()
        with Redis(port=pair.primary.port) as new:
            new.rpush("queue", "job")
            waiting.join(PATIENCE_S)
            assert (taken, new.lrange("taken", 0, -1)) == ([b"job"], [b"job"])


def test_a_replica_is_refused(settings, pair, address):
    async def read() -> None:
        async with connect_async(settings) as redis:
            await redis.get("any")

    address.upstream_port = pair.replica.port
    with pytest.raises(NotServing, match="a replica"):
        asyncio.run(read())
    for connecting in (connect, connect_worker):
        with connecting(settings) as redis, pytest.raises(NotServing, match="a replica"):
            redis.get("any")


def test_a_refused_pipeline_is_made_once_at_the_new_primary(settings, fail_over):
    with connect(settings) as redis:
        redis.ping()
        fail_over()

        with redis.pipeline() as pipe:
            pipe.incr("changes")
            pipe.incr("changes")
            assert pipe.execute() == [1, 2]


def cut_off(pair: RedisPair) -> None:
    """Cut the old primary, now a replica, off from the new one."""
    with Redis(port=pair.replica.port) as old:
        old.replicaof("127.0.0.1", "1")


def test_watchers_are_woken_although_the_old_primary_is_silent(settings, pair, fail_over, monkeypatch):
    monkeypatch.setattr(changes_module, "QUIET_S", 0.5)

    async def watching() -> None:
        async with connect_async(settings) as redis:
            changes = Changes(redis)
            listener = asyncio.create_task(changes.listen())
            with changes.watch("mine") as mine:
                await mine.wait()
                mine.clear()
                await asyncio.to_thread(fail_over)
                await asyncio.to_thread(cut_off, pair)
                await mine.wait()
                mine.clear()
                with Redis(port=pair.primary.port) as new:
                    new.publish(CHANGES, "mine COMPLETED")
                await mine.wait()
            listener.cancel()

    asyncio.run(asyncio.wait_for(watching(), PATIENCE_S))


def test_a_worker_gets_commands_although_the_old_primary_is_silent(settings, pair, fail_over, monkeypatch):
    monkeypatch.setattr(commands_module, "QUIET_S", 0.5)
    channel, received = PUBSUB_CHANNEL_TEMPLATE % "a-worker", threading.Event()

    with connect_worker(settings) as redis:
        commands = Commands(redis, channel, lambda _: received.set())
        until(lambda: redis.pubsub_numsub(channel)[0][1] == 1, "a subscribed worker")
        fail_over()
        cut_off(pair)
        with Redis(port=pair.primary.port) as new:
            until(lambda: bool(new.publish(channel, "stop")), "a worker that is subscribed again")
        assert received.wait(PATIENCE_S)
        commands.close()
