"""Redis behind Sentinels, and a new master after the old one dies or hangs."""

import asyncio
import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from redis import RedisError
from redis.asyncio.client import PubSub
from rq.command import PUBSUB_CHANNEL_TEMPLATE

from jobs.config.settings import Settings
from jobs.redis.connection import connect, connect_async
from tests.redis import sentinels
from tests.redis.sentinels import Sentinels, until
from tests.stack import Stack, environment, running

ANSWER_S = 15  # at most, also of a 502: the default timeouts of sockets are longer
FAILOVER_S = 60
LISTENING_S = 20  # less than SYNC_TIMEOUT_S, when a waiting call is answered without being woken


@pytest.fixture(scope="module")
def redis_with_sentinels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sentinels]:
    """The last test that uses them stops the master."""
    with sentinels.serving(tmp_path_factory.mktemp("sentinels")) as found:
        yield found


@pytest.fixture
def own_sentinels(tmp_path: Path) -> Iterator[Sentinels]:
    with sentinels.serving(tmp_path) as found:
        yield found


def samples(stack: Stack) -> dict[str, str]:
    return {
        "base_image": f"{stack.url}/samples/cup.jpg",
        "overlay_image": f"{stack.url}/samples/logo.png",
    }


def picture_of(stack: Stack) -> httpx.Response:
    """The answer to a call that waits for a message from Redis."""
    return stack.client.post("/v1/superimpose", json=samples(stack), timeout=LISTENING_S)


def submit(stack: Stack) -> int:
    """The status of a submit, which must be answered in time whatever Redis does."""
    return stack.client.post("/v2/superimpose", json=samples(stack), timeout=ANSWER_S).status_code


def workers_listening(sentinels: Sentinels) -> int:
    """The number of workers that are subscribed at the current master."""
    with connect(Settings(redis_url=sentinels.url)) as redis:
        return len(redis.pubsub_channels(PUBSUB_CHANNEL_TEMPLATE % "*"))


def test_the_sentinel_that_answered_is_asked_first_and_none_is_lost(redis_with_sentinels, tmp_path):
    async def order_after_connecting_at_once() -> list[tuple[str, int]]:
        async with connect_async(settings) as redis:
            await asyncio.gather(*(redis.ping() for _ in range(20)))
            return redis.connection_pool.sentinel_manager.sentinels

    settings = Settings(redis_url=redis_with_sentinels.url, data_dir=tmp_path)
    with connect(settings) as redis:
        unserved, served, *others = redis.connection_pool.sentinel_manager.sentinels
        assert redis.ping()
        assert redis.connection_pool.sentinel_manager.sentinels == [served, unserved, *others]
    order = asyncio.run(order_after_connecting_at_once())
    assert order[0] != unserved  # which of the others answers in time is up to the machine
    assert sorted(order) == sorted([served, unserved, *others])


def test_a_subscription_continues_after_the_old_master_hangs(redis_with_sentinels, tmp_path):
    async def received() -> bytes:
        async with (
            connect_async(settings) as redis,
            redis.pubsub(ignore_subscribe_messages=True) as subscription,
        ):
            await subscription.subscribe("news")
            redis_with_sentinels.master.send_signal(signal.SIGSTOP)
            listening = asyncio.create_task(next_message(subscription))
            async with asyncio.timeout(FAILOVER_S):
                while not listening.done():
                    with contextlib.suppress(RedisError):
                        await redis.publish("news", "the new master's")
                    await asyncio.sleep(0.05)
            return listening.result()

    async def next_message(subscription: PubSub) -> bytes:
        while True:
            with contextlib.suppress(RedisError):
                if message := await subscription.get_message(timeout=None):
                    return message["data"]

    settings = Settings(redis_url=redis_with_sentinels.url, data_dir=tmp_path)
    assert asyncio.run(received()) == b"the new master's"


def test_a_stack_continues_with_the_new_master_when_the_old_one_dies(own_sentinels, tmp_path, origin):
    settings = {"fetch_allow": "127.0.0.1/32", "job_timeout_s": 30, "workers": 1}
    with running(environment(own_sentinels.url, tmp_path, **settings), workers=0) as stack:
        stack.start("cli", "worker")  # which restarts one that ended because Redis failed while it reported
        until(lambda: workers_listening(own_sentinels) == 1, "a worker that has started")
        assert picture_of(stack).status_code == 200

        own_sentinels.master.kill()
        assert submit(stack) == 502
        until(lambda: submit(stack) == 200, "a submit accepted by the new master", FAILOVER_S)

        assert picture_of(stack).status_code == 200
        until(lambda: workers_listening(own_sentinels) == 1, "a subscribed worker", FAILOVER_S)
        path = f"/hangs.jpg?{stack.url}"
        hanging = stack.submit(**samples(stack) | {"base_image": origin.url + path})
        origin.await_request(path)
        assert stack.client.post(f"/v2/requests/{hanging}/cancel").status_code == 200
        assert picture_of(stack).status_code == 200  # by the one worker, which the cancel freed
        assert [process.poll() for process in stack.processes] == [None, None]


def test_sentinels_and_redis_are_reached_over_tls(tmp_path):
    async def ping(settings: Settings) -> bool:
        async with connect_async(settings) as redis:
            return await redis.ping()

    with sentinels.serving_tls(tmp_path) as url:
        settings = Settings(redis_url=url, data_dir=tmp_path)
        with connect(settings) as redis:
            assert redis.ping()
        assert asyncio.run(ping(settings))
