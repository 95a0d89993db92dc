"""Notifications of changes, also after a lost subscription."""

import asyncio

import pytest

from api.waiting import changes as changes_module
from api.waiting.changes import Changes
from jobs.config.settings import Settings
from jobs.keyspace import CHANGES
from jobs.redis.connection import connect_async
from tests.redis.way import Way


@pytest.fixture
def changes(settings):
    """Runs a test with `Changes` that listen."""

    def run(test) -> None:
        async def listening() -> None:
            async with connect_async(settings) as redis:
                changes = Changes(redis)
                listener = asyncio.create_task(changes.listen())
                await asyncio.wait_for(test(changes, redis), 60)
                listener.cancel()

        asyncio.run(listening())

    return run


def test_a_change_wakes_only_watchers_of_the_request(changes):
    async def test(changes, redis):
        with changes.watch("mine") as mine, changes.watch("other") as other:
            await mine.wait()  # as the subscription begins
            mine.clear()
            other.clear()

            await redis.publish(CHANGES, "mine COMPLETED")

            await mine.wait()
            assert not other.is_set()

    changes(test)


def test_all_watchers_are_woken_after_a_lost_subscription(changes):
    async def test(changes, redis):
        with changes.watch("mine") as mine:
            await mine.wait()
            mine.clear()

            await redis.client_kill_filter(_type="pubsub")

            await mine.wait()

    changes(test)


@pytest.mark.parametrize("message", [b"\xff\xfe", b"", b"no id", b"\x00" * 1000])
def test_an_unexpected_message_is_ignored(changes, message):
    async def test(changes, redis):
        with changes.watch("mine") as mine:
            await mine.wait()
            mine.clear()

            await redis.publish(CHANGES, message)
            await redis.publish(CHANGES, "mine COMPLETED")

            await mine.wait()

    changes(test)


def test_no_error_ends_the_listener(settings, monkeypatch, caplog):
    """A watcher whose event cannot be set makes the listener fail."""
    monkeypatch.setattr(changes_module, "RECONNECT_S", 0.01)

    class Broken(asyncio.Event):
        def set(self) -> None:
            raise ValueError("broken")

    async def test():
        async with connect_async(settings) as redis:
            changes = Changes(redis)
            changes._watchers["other"].add(Broken())
            listener = asyncio.create_task(changes.listen())
            while "ValueError: broken" not in caplog.text:
                await asyncio.sleep(0.01)
            del changes._watchers["other"]
            with changes.watch("mine") as mine:
                await mine.wait()
            listener.cancel()

    asyncio.run(asyncio.wait_for(test(), 60))


def test_a_subscription_that_receives_no_probe_is_renewed(redis_socket, redis, monkeypatch):
    monkeypatch.setattr(changes_module, "QUIET_S", 0.1)

    async def test(way):
        async with connect_async(Settings(redis_url=f"redis://127.0.0.1:{way.port}/1")) as connection:
            changes = Changes(connection)
            listener = asyncio.create_task(changes.listen())
            with changes.watch("mine") as mine:
                await mine.wait()
                mine.clear()
                with way.silent():
                    await asyncio.sleep(3 * changes_module.QUIET_S)
                    assert not mine.is_set()

                await mine.wait()
                redis.publish(CHANGES, "mine COMPLETED")
            listener.cancel()

    with Way(redis_socket).serving() as way:
        asyncio.run(asyncio.wait_for(test(way), 60))


def test_silence_alone_does_not_renew_the_subscription(changes, monkeypatch):
    monkeypatch.setattr(changes_module, "QUIET_S", 0.1)

    async def test(changes, redis):
        with changes.watch("mine") as mine:
            await mine.wait()
            mine.clear()

            await asyncio.sleep(4 * changes_module.QUIET_S)

            assert not mine.is_set()

    changes(test)
