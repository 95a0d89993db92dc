"""Runs coroutines so that Ctrl-C and SIGTERM cancel them and they can clean up."""

import asyncio
import signal
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`. A signal cancels it and raises KeyboardInterrupt; a second one skips cleanup."""

    async def cancellable() -> T:
        this = asyncio.current_task()
        if this:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)
        return await work

    try:
        return asyncio.run(cancellable())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


async def gather_all(works: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Results in order. If one raises, or this call is cancelled, the others are cancelled and awaited."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        return await asyncio.gather(*tasks)
    finally:
        await cancel(tasks)


async def cancel(tasks: Iterable["asyncio.Task[Any]"]) -> None:
    cancelled = [*tasks]
    for task in cancelled:
        task.cancel()
    await asyncio.gather(*cancelled, return_exceptions=True)
