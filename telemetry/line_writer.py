"""Lines written by a thread, so that a reader that is slow, stopped or gone blocks no caller."""

import os
import select
import threading
from collections import deque
from collections.abc import Callable

MOST_WAITING = 10_000  # lines
LAST_WORDS_S = 1.0
FLUSH_S = 0.2


class LineWriter:
    """Writes lines to a file descriptor in a thread, which starts with the first line.

    No sooner: a process may drop privileges first, which a thread already running would keep.

    Lines that cannot be written are dropped, the oldest first where too many wait; the line that `describe`
    makes of their number is written once writing works again.
    """

    def __init__(self, descriptor: int, describe: Callable[[int], str]) -> None:
        self._descriptor = descriptor
        self._describe = describe
        self._waiting: deque[str] = deque()
        self.dropped = 0
        """Lines not reported yet."""
        self._closed = self._writing = False
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def write(self, line: str) -> None:
        """Queue `line`; never waits for the reader."""
        with self._changed:
            if len(self._waiting) == MOST_WAITING:
                self._waiting.popleft()
                self.dropped += 1
            self._waiting.append(line)
            self._changed.notify_all()
            if self._thread is None:
                self._thread = self._started()

    def flush(self) -> None:
        """Wait for the queue to be written, 0.2 s at most."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting and not self._writing, FLUSH_S)

    def close(self) -> None:
        """Wait for the queue to be written, 1 s at most, and write nothing more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread:
            self._thread.join(LAST_WORDS_S)

    def _started(self) -> threading.Thread:
        thread = threading.Thread(target=self._run, name="log", daemon=True)
        thread.start()
        return thread

    def _run(self) -> None:
        while lines := self._next():
            self._write(lines)

    def _next(self) -> list[str]:
        """All that wait, at least one; none once closed."""
        with self._changed:
            self._writing = False
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._waiting or self._closed)
            lines = list(self._waiting)
            self._waiting.clear()
            self._writing = bool(lines)
            return lines

    def _write(self, lines: list[str]) -> None:
        """Together: for each write alone this thread would wait for the interpreter's lock."""
        dropped = self.dropped
        first = [self._describe(dropped)] if dropped else []
        try:
            self._put("".join(f"{line}\n" for line in (*first, *lines)).encode(errors="replace"))
            change = -dropped
        except OSError:
            change = len(lines)
        with self._changed:
            self.dropped += change

    def _put(self, data: bytes) -> None:
        while data:
            try:
                data = data[os.write(self._descriptor, data) :]
            except BlockingIOError:  # another program has set a terminal that we share to non-blocking
                select.select([], [self._descriptor], [])
