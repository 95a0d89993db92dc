"""Look-ups of names for an event loop."""

import asyncio
import contextlib
import threading
from collections.abc import Sequence

from jobs.network.resolve import LOOKUPS_AT_ONCE, Resolve, system_resolve
from jobs.webhooks.scripts import LANES

Name = tuple[str, int, str]


class Resolver:
    """Looks names up in daemon threads: one that hangs outlives the attempt, but not the process.

    Who asks for a name while it is looked up gets that answer, so a dead name server keeps one thread busy
    for each of its names; and each lane has threads of its own, so that it holds up no proven receiver.
    """

    def __init__(self, resolve: Resolve = system_resolve) -> None:
        self._resolve = resolve
        self._slots = {lane: asyncio.Semaphore(LOOKUPS_AT_ONCE) for lane in LANES}
        self._under_way: dict[Name, asyncio.Task[Sequence[str]]] = {}

    async def __call__(self, host: str, port: int, lane: str) -> Sequence[str]:
        """Raises what the look-up raised: OSError, UnicodeError."""
        name = host, port, lane
        task = self._under_way.get(name)
        if task is None:
            task = self._under_way[name] = asyncio.create_task(self._look_up(name))
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
            except Exception as error:  # raised again where it was asked for
                outcome = error
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(settle, outcome)

        async with self._slots[lane]:
            threading.Thread(target=look_up, name=f"look-up of {host}", daemon=True).start()
            return await found

    def _forget(self, name: Name, ended: "asyncio.Task[Sequence[str]]") -> None:
        del self._under_way[name]
        if not ended.cancelled():
            ended.exception()  # it is nobody's, where all who asked have given up
