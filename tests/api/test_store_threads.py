"""Calls to the store wait for a thread while it answers, and are refused once it fails."""

import asyncio
import threading

import pytest
from obstore.exceptions import GenericError

from api.store_threads import THREADS, StoreThreads


async def until_all_wait(begun: threading.Semaphore) -> None:
    for _ in range(THREADS):
        await asyncio.to_thread(begun.acquire)


def test_a_call_waits_for_as_long_as_slow_ones_take():
    begun, gate = threading.Semaphore(0), threading.Event()

    def slow() -> bool:
        begun.release()
        return gate.wait(60)

    async def run() -> list[bool]:
        threads = StoreThreads()
        calls = [asyncio.create_task(threads.run(slow)) for _ in range(THREADS + 1)]
        await until_all_wait(begun)
        await asyncio.sleep(1)
        gate.set()
        return await asyncio.gather(*calls)

    assert asyncio.run(run()) == [True] * (THREADS + 1)


def test_a_call_that_waited_is_refused_when_the_store_fails_and_the_next_one_tries():
    begun, gate = threading.Semaphore(0), threading.Event()

    def silent() -> None:
        begun.release()
        gate.wait(60)
        raise GenericError("no answer")

    async def run() -> str:
        threads = StoreThreads()
        calls = [asyncio.create_task(threads.run(silent)) for _ in range(THREADS)]
        await until_all_wait(begun)
        waits = asyncio.create_task(threads.run(str))
        await asyncio.sleep(0)
        gate.set()
        assert all(
            isinstance(each, GenericError) for each in await asyncio.gather(*calls, return_exceptions=True)
        )
        with pytest.raises(GenericError, match="the store fails"):
            await waits
        return await threads.run(str, "there again")

    assert asyncio.run(run()) == "there again"
