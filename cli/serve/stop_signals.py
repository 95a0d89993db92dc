"""Handles stop signals, and waits that they interrupt."""

import os
import select
import signal
import time
from types import FrameType

SECOND_SIGNAL_S = 1  # earlier ones repeat the first: sent to a process group, or by a closing terminal


class StopSignals:
    """Records SIGINT, SIGTERM and, unless `nohup` ignores it, SIGHUP, from its creation on.

    Handlers take no lock, as the code that they interrupt may hold it.
    """

    def __init__(self) -> None:
        self._first_at: float | None = None
        self.hurried = False
        """Whether a second signal came: stop without waiting."""
        self._reads, self._writes = os.pipe()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._note)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            signal.signal(signal.SIGHUP, self._note)

    @property
    def came(self) -> bool:
        return self._first_at is not None

    def wait(self, seconds: float) -> bool:
        """Wait until a signal comes, or the time is over; returns whether a signal has come."""
        select.select([self._reads], [], [], seconds)
        return self.came

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._first_at is None:
            self._first_at = now
            os.write(self._writes, b".")
        elif now - self._first_at > SECOND_SIGNAL_S:
            self.hurried = True
