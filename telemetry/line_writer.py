"""Writes lines without blocking the caller, even if the reader is slow, stopped or gone."""

import errno
import os
import select
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import accumulate
from select import PIPE_BUF

MAX_QUEUED = 10_000  # lines
CLOSE_S = 1.0
FLUSH_S = 0.2
NO_WAIT: int = getattr(os, "RWF_NOWAIT", 0)  # Linux only
CURRENT_POSITION = -1


class LineWriter:
    """Writes lines to a file descriptor: directly if that does not block, else in a thread.

    Writes that cannot block, to pipes and sockets, cost less than waking the thread. The thread starts with
    the first line that needs it, as it would keep the privileges that a process drops later.

    Lines that cannot be written are dropped, the oldest first if the queue is full. Once writing works again,
    the line that `describe` makes of their number is written.
    """

    def __init__(self, descriptor: int, describe: Callable[[int], str]) -> None:
        self._descriptor = descriptor
        self._describe = describe
        self._lines: deque[bytes] = deque()
        self.dropped = 0  # and not reported yet
        self._closed = self._writing = False
        self._supports_no_wait = NO_WAIT != 0
        self._changed = threading.Condition()
        self._is_cut = False  # the last line written lacks its end
        self._thread: threading.Thread | None = None

    def write(self, line: str) -> None:
        """Write `line` or queue it; never waits for the reader."""
        with self._changed:
            if not self._closed and (data := self._write_directly(_encode(line))):
                self._queue(data)

    def flush(self) -> None:
        """Wait until the queue is written, at most FLUSH_S."""
        with self._changed:
            self._changed.wait_for(lambda: not self._lines and not self._writing, FLUSH_S)

    def close(self) -> None:
        """Accept no more lines, and wait until the queue is written, at most CLOSE_S."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread:
            self._thread.join(CLOSE_S)

    def _write_directly(self, data: bytes) -> bytes:
        """Returns the rest that was not written: all if other lines are queued, or the write would block."""
        is_behind = self._lines or self._writing or self.dropped
        if not self._supports_no_wait or is_behind or len(data) > PIPE_BUF:
            return data
        try:
            written = os.pwritev(self._descriptor, [data], CURRENT_POSITION, NO_WAIT)
            self._is_cut = 0 < written < len(data)
            return data[written:]
        except OSError as error:
            self._supports_no_wait = error.errno != errno.EOPNOTSUPP
            return data

    def _queue(self, data: bytes) -> None:
        if len(self._lines) == MAX_QUEUED:
            self._lines.popleft()
            self.dropped += 1
        self._lines.append(data)
        self._changed.notify_all()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="log", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while lines := self._next():
            self._write(lines)

    def _next(self) -> list[bytes]:
        """Wait for queued lines and take all of them; empty once closed."""
        with self._changed:
            self._writing = False
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._lines or self._closed)
            lines = list(self._lines)
            self._lines.clear()
            self._writing = bool(lines)
            return lines

    def _write(self, lines: list[bytes]) -> None:
        """Write many lines at a time, as this thread has to wait for the GIL after each write."""
        dropped = self.dropped
        new_line = "\n" if self._is_cut else ""
        first = [_encode(f"{new_line}{self._describe(dropped)}")] if dropped else []
        written = 0
        for chunk in _chunks((*first, *lines)):
            size = self._write_bytes(b"".join(chunk))
            complete = sum(end <= size for end in accumulate(map(len, chunk)))
            written += complete
            if complete < len(chunk):
                break
        with self._changed:
            if written:
                self.dropped += len(first) - dropped  # the first line has reported them
            self.dropped += len(lines) - written

    def _write_bytes(self, data: bytes) -> int:
        """Returns the number of bytes written: all unless there is an error."""
        written = 0
        with suppress(OSError):
            while written < len(data):
                try:
                    written += os.write(self._descriptor, data[written:])
                except BlockingIOError:  # another program has set our common terminal to non-blocking
                    select.select([], [self._descriptor], [])
        if written:
            self._is_cut = not data[:written].endswith(b"\n")
        return written


def _chunks(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Chunks that a pipe takes atomically, as other processes write to it too."""
    chunk, size = list[bytes](), 0
    for line in lines:
        if chunk and size + len(line) > PIPE_BUF:
            yield chunk
            chunk, size = [], 0
        chunk.append(line)
        size += len(line)
    yield chunk


def _encode(line: str) -> bytes:
    return f"{line}\n".encode(errors="replace")
