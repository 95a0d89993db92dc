"""Name look-ups for an event loop."""

import asyncio
import contextlib
import threading
from collections.abc import Sequence

from jobs.network.guard import LOOKUPS_AT_ONCE, Resolve, system_resolve
from jobs.webhooks.schedule import LANES

Name = tuple[str, int, str]


class Resolver:
    """Looks names up in daemon threads, which may outlive the attempt but not the process.

    Concurrent look-ups of a name share one thread, so a dead name server blocks one thread for each of its
    names. Each lane has its own threads, so that hanging look-ups of others do not delay proven receivers.
    """

    def __init__(self, resolve: Resolve = system_resolve) -> None:
        self._resolve = resolve
        self._slots = {lane: asyncio.Semaphore(LOOKUPS_AT_ONCE) for lane in LANES}
        self._in_flight: dict[Name, asyncio.Task[Sequence[str]]] = {}

    async def __call__(self, host: str, port: int, lane: str) -> Sequence[str]:
        """Raises OSError, UnicodeError."""
        name = host, port, lane
        task = self._in_flight.get(name)
        if task is None:
            task = self._in_flight[name] = asyncio.create_task(self._look_up(name))
            task.add_done_callback(lambda ended: self._forget(name, ended))
        return await asyncio.shield(task)

    async def _look_up(self, name: Name) -> Sequence[str]:
        host, port, lane = name
        loop = asyncio.get_running_loop()
        found: asyncio.Future[Sequence[str]] = loop.create_future()

        def settle(outcome: Sequence[str] | Exception) -> None:
            if isinstance(outcome, Exception):
                found.set_exception(outcome)
            else:
                found.set_result(outcome)

        def look_up() -> None:
            outcome: Sequence[str] | Exception
            try:
                outcome = self._resolve(host, port)
            except Exception as error:  # raised to the callers
                outcome = error
            with contextlib.suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(settle, outcome)

        async with self._slots[lane]:
            threading.Thread(target=look_up, name=f"look-up of {host}", daemon=True).start()
            return await found

    def _forget(self, name: Name, ended: "asyncio.Task[Sequence[str]]") -> None:
        del self._in_flight[name]
        if not ended.cancelled():
            ended.exception()  # mark it as retrieved, as all callers may have timed out
