"""Calls to the store wait for a thread while the store works, and fail once it fails."""

import asyncio
import threading

import pytest
from obstore.exceptions import GenericError

from api.service import STORE_THREADS, StoreThreads


async def until_all_wait(started: threading.Semaphore) -> None:
    for _ in range(STORE_THREADS):
        await asyncio.to_thread(started.acquire)


def test_a_call_waits_for_a_thread_while_the_store_is_slow():
    started, gate = threading.Semaphore(0), threading.Event()

    def slow() -> bool:
        started.release()
        return gate.wait(60)

    async def run() -> list[bool]:
        threads = StoreThreads()
        calls = [asyncio.create_task(threads.run(slow)) for _ in range(STORE_THREADS + 1)]
        await until_all_wait(started)
        await asyncio.sleep(1)
        gate.set()
        return await asyncio.gather(*calls)

    assert asyncio.run(run()) == [True] * (STORE_THREADS + 1)


def test_waiting_calls_fail_once_the_store_fails_and_later_calls_try_again():
    started, gate = threading.Semaphore(0), threading.Event()

    def silent() -> None:
        started.release()
        gate.wait(60)
        raise GenericError("no answer")

    async def run() -> str:
        threads = StoreThreads()
        calls = [asyncio.create_task(threads.run(silent)) for _ in range(STORE_THREADS)]
        await until_all_wait(started)
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
