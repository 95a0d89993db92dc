"""The signals that ask for an end, and waits that they cut short."""

import os
import select
import signal
import time
from types import FrameType

SECOND_SIGNAL_S = 1  # sooner it is the first one, sent to a whole group or by a terminal that closes


class StopSignals:
    """From its making on, SIGINT, SIGTERM and SIGHUP are noted; SIGHUP not where `nohup` has it ignored.

    Nothing here takes a lock: a handler that waits for one may wait for the very code that it interrupts.
    """

    def __init__(self) -> None:
        self._first_at: float | None = None
        self.hurried = False
        """Whether a second one has come: do not wait for anything."""
        self._reads, self._writes = os.pipe()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._note)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            signal.signal(signal.SIGHUP, self._note)

    @property
    def came(self) -> bool:
        return self._first_at is not None

    def wait(self, seconds: float) -> bool:
        """Wait for so long, or until a signal comes; whether one has."""
        select.select([self._reads], [], [], seconds)
        return self.came

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._first_at is None:
            self._first_at = now
            os.write(self._writes, b".")
        elif now - self._first_at > SECOND_SIGNAL_S:
            self.hurried = True
