"""Pauses of a worker's main thread. A signal ends one at once; `time.sleep` would go on after its handler."""

import os
import select
import signal
from contextlib import suppress
from typing import Protocol

_woken, _waking = os.pipe()  # open until the process ends
os.set_blocking(_woken, False)
os.set_blocking(_waking, False)


class HasFileno(Protocol):
    def fileno(self) -> int: ...


def end_at_signals() -> None:
    """Let signals that have a handler end a pause; to be called by the main thread."""
    signal.set_wakeup_fd(_waking, warn_on_full_buffer=False)


def wake() -> None:
    """End the pause of the main thread, or the next one at once. Called by another thread."""
    with suppress(BlockingIOError):  # full: it will wake
        os.write(_waking, b"\0")


def pause(seconds: float, *watched: HasFileno) -> None:
    """Wait for `seconds`, a signal, `wake`, or until one of the `watched` can be read."""
    watching: list[int | HasFileno] = [_woken, *watched]
    if _woken in select.select(watching, [], [], seconds)[0]:
        os.read(_woken, 4096)
