"""Pauses of a worker's main thread that a signal ends; `time.sleep` continues after the handler returns."""

import os
import select
import signal
from contextlib import suppress
from typing import Protocol

_wake_reader, _wake_writer = os.pipe()  # open until the process ends
os.set_blocking(_wake_reader, False)
os.set_blocking(_wake_writer, False)


class HasFileno(Protocol):
    def fileno(self) -> int: ...


def end_at_signals() -> None:
    """Let signals that have a handler end a pause. Call from the main thread."""
    signal.set_wakeup_fd(_wake_writer, warn_on_full_buffer=False)


def wake() -> None:
    """End the current pause of the main thread, or the next one at once. Called by another thread."""
    with suppress(BlockingIOError):  # the pipe is full, so the main thread wakes anyway
        os.write(_wake_writer, b"\0")


def pause(seconds: float, *watched: HasFileno) -> None:
    """Wait for `seconds`, or until a signal, a call of `wake`, or one of `watched` is readable."""
    readers: list[int | HasFileno] = [_wake_reader, *watched]
    if _wake_reader in select.select(readers, [], [], seconds)[0]:
        os.read(_wake_reader, 4096)
