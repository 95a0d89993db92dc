"""Calls to the store wait for a thread while the store answers, and are refused once it is silent."""

import asyncio
import threading

import pytest
from obstore.exceptions import GenericError

from api import store_threads
from api.store_threads import THREADS, StoreThreads


def test_more_calls_than_threads_wait_for_a_store_that_answers_slowly():
    gate = threading.Semaphore(0)

    async def run() -> list[bool]:
        threads = StoreThreads()
        calls = [asyncio.create_task(threads.run(gate.acquire)) for _ in range(3 * THREADS)]
        for _ in calls:
            gate.release()
            await asyncio.sleep(store_threads.SILENT_S / 40)
        return await asyncio.gather(*calls)

    assert asyncio.run(run()) == [True] * 3 * THREADS


def test_a_silent_store_refuses_the_call_that_finds_no_thread():
    silent = threading.Event()

    async def run() -> None:
        threads = StoreThreads()
        calls = [asyncio.create_task(threads.run(silent.wait)) for _ in range(THREADS)]
        await asyncio.sleep(0)
        try:
            with pytest.raises(GenericError, match="answers none"):
                await threads.run(silent.wait)
        finally:
            silent.set()
            await asyncio.gather(*calls)

    asyncio.run(run())
