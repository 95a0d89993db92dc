"""Waiting for a change, also across a subscription that was lost."""

import asyncio

import pytest

from api.changes import Changes
from jobs.connection import connect_async
from jobs.keyspace import CHANGES


@pytest.fixture
def changes(settings):
    """Runs a test with the changes of a process that listens."""

    def run(test) -> None:
        async def listening() -> None:
            async with connect_async(settings) as redis:
                changes = Changes(redis)
                listener = asyncio.create_task(changes.listen())
                await asyncio.wait_for(test(changes, redis), 20)
                listener.cancel()

        asyncio.run(listening())

    return run


def test_a_change_wakes_those_who_watch_this_request_alone(changes):
    async def test(changes, redis):
        with changes.watch("mine") as mine, changes.watch("other") as other:
            await mine.wait()  # as the subscription begins
            mine.clear()
            other.clear()

            await redis.publish(CHANGES, "mine COMPLETED")

            await mine.wait()
            assert not other.is_set()

    changes(test)


def test_everybody_is_woken_when_a_lost_subscription_is_back_as_a_change_may_have_been_missed(changes):
    async def test(changes, redis):
        with changes.watch("mine") as mine:
            await mine.wait()
            mine.clear()

            await redis.client_kill_filter(_type="pubsub")

            await mine.wait()

    changes(test)
