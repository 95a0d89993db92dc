"""Lines written without blocking a caller, also where their reader is slow, stopped or gone."""

import errno
import os
import select
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import accumulate
from select import PIPE_BUF

MOST_WAITING = 10_000  # lines
LAST_WORDS_S = 1.0
FLUSH_S = 0.2
NO_WAIT: int = getattr(os, "RWF_NOWAIT", 0)  # of Linux
CURRENT_POSITION = -1


class LineWriter:
    """Writes lines to a file descriptor: at once where it takes them without blocking, else in a thread.

    Pipes and sockets can be asked not to block, which costs less than waking the thread. Files and terminals
    cannot. The thread starts with the first line that needs it: a process may drop privileges before, which a
    thread would keep.

    Lines that cannot be written are dropped, the oldest first where too many wait; the line that `describe`
    makes of their number is written once writing works again.
    """

    def __init__(self, descriptor: int, describe: Callable[[int], str]) -> None:
        self._descriptor = descriptor
        self._describe = describe
        self._waiting: deque[bytes] = deque()
        self.dropped = 0
        """Lines not reported yet."""
        self._closed = self._writing = False
        self._takes_at_once = NO_WAIT != 0
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def write(self, line: str) -> None:
        """Write `line` or queue it; never waits for the reader."""
        with self._changed:
            if not self._closed and (data := self._not_written_at_once(_encoded(line))):
                self._queue(data)

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

    def _not_written_at_once(self, data: bytes) -> bytes:
        """The rest: all of `data` where lines wait before it, or where a write might block."""
        if not self._takes_at_once or self._waiting or self._writing or self.dropped or len(data) > PIPE_BUF:
            return data
        try:
            return data[os.pwritev(self._descriptor, [data], CURRENT_POSITION, NO_WAIT) :]
        except OSError as error:
            self._takes_at_once = error.errno != errno.EOPNOTSUPP
            return data

    def _queue(self, data: bytes) -> None:
        if len(self._waiting) == MOST_WAITING:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(data)
        self._changed.notify_all()
        if self._thread is None:
            self._thread = self._started()

    def _started(self) -> threading.Thread:
        thread = threading.Thread(target=self._run, name="log", daemon=True)
        thread.start()
        return thread

    def _run(self) -> None:
        while lines := self._next():
            self._write(lines)

    def _next(self) -> list[bytes]:
        """All that wait, at least one; none once closed."""
        with self._changed:
            self._writing = False
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._waiting or self._closed)
            lines = list(self._waiting)
            self._waiting.clear()
            self._writing = bool(lines)
            return lines

    def _write(self, lines: list[bytes]) -> None:
        """Together, as for each write alone this thread would wait for the interpreter's lock."""
        dropped = self.dropped
        first = [_encoded(self._describe(dropped))] if dropped else []
        written = 0
        for piece in _pieces((*first, *lines)):
            size = self._put(b"".join(piece))
            whole = sum(end <= size for end in accumulate(map(len, piece)))
            written += whole
            if whole < len(piece):
                break
        with self._changed:
            if written:
                self.dropped += len(first) - dropped  # which the first line tells
            self.dropped += len(lines) - written

    def _put(self, data: bytes) -> int:
        """How many bytes were written: all, but for an error."""
        written = 0
        with suppress(OSError):
            while written < len(data):
                try:
                    written += os.write(self._descriptor, data[written:])
                except BlockingIOError:  # another program has set a terminal that we share to non-blocking
                    select.select([], [self._descriptor], [])
        return written


def _pieces(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    """As many together as a pipe takes whole: other processes write to it too."""
    piece, size = list[bytes](), 0
    for line in lines:
        if piece and size + len(line) > PIPE_BUF:
            yield piece
            piece, size = [], 0
        piece.append(line)
        size += len(line)
    yield piece


def _encoded(line: str) -> bytes:
    return f"{line}\n".encode(errors="replace")
