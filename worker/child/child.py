"""The warm child: a process that renders one request after another, so that a crash costs one attempt.

It is spawned, not forked, because its parent has threads, and it exits when its parent does.
"""

import logging
import os
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from pydantic import ValidationError

from jobs.config.settings import Settings
from worker.child.messages import LENGTH, Drop, Ending, Event, Order, to_child
from worker.privileges import SECRET_PREFIXES

CHILD_ENV = {
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": f"{32 * 1024 * 1024}",  # the maximum; the dynamic threshold grows to it
    "MALLOC_TRIM_THRESHOLD_": f"{64 * 1024 * 1024}",
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
}
"""The child processes one job at a time, so it needs no numpy thread pool and no malloc arena per thread.

Pictures are allocated for each job. If that memory returned to the kernel in between, its page faults would
take a third of the time of a 1 MP PNG. Larger allocations, which do return, use huge pages.
"""

SECRETS = {name for name, field in Settings.model_fields.items() if not field.repr}
"""Settings withheld from the process that decodes untrusted files: only its parent uses Redis."""

START_TIMEOUT_S = 60  # loading the model of a content check included
MESSAGE_TIMEOUT_S = 10  # from the first byte of a message to its last
EXIT_TIMEOUT_S = 2  # after the child closed its end of the pipe
MAX_MESSAGE_BYTES = 256 * 1024

log = logging.getLogger("superimpose.worker")


class ChildDied(Exception):
    """The child exited with orders unfinished; `exit_status` as in `subprocess`, negative for a signal."""

    def __init__(self, exit_status: int) -> None:
        super().__init__(f"the child process {_describe(exit_status)}")
        self.exit_status = exit_status


class ChildRefused(Exception):
    """The child cannot start with these settings; the text is its message for the operator."""


def _describe(exit_status: int) -> str:
    if exit_status >= 0:
        return f"ended with status {exit_status}"
    if -exit_status == signal.SIGXCPU:
        return "used up its processor time"
    return f"was ended by signal {-exit_status}, {signal.strsignal(-exit_status)}"


class Child:
    """The parent's side of one child process, which runs `module` in `python`."""

    python = sys.executable
    module = "worker.child.child_process"

    def __init__(self, settings: Settings) -> None:
        self._socket, theirs = socket.socketpair()
        self._socket.settimeout(MESSAGE_TIMEOUT_S)
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)
        self._buffer = bytearray()
        self._message_deadline = 0.0
        try:
            with theirs:
                self._process = self.start_process(theirs.fileno())
            self._send(settings.model_dump_json(exclude=SECRETS).encode())
        except BaseException:
            self._socket.close()
            raise
        self._orders: dict[str, Order] = {}
        self._dropped: set[str] = set()
        self._started = ""  # the token of the order that is processed
        self._start_deadline = time.monotonic() + START_TIMEOUT_S

    def start_process(self, pipe: int) -> "subprocess.Popen[bytes]":
        # The child gets our settings through the pipe; those of OpenTelemetry may hold a key.
        inherited = {name: text for name, text in os.environ.items() if not name.startswith(SECRET_PREFIXES)}
        return subprocess.Popen(
            [self.python, "-P", "-m", self.module, str(pipe), str(os.getpid())],
            stdin=subprocess.DEVNULL,
            pass_fds=[pipe],
            env=CHILD_ENV | inherited,
            start_new_session=True,  # Ctrl-C must reach only the parent, which lets jobs finish
        )

    @property
    def is_starting(self) -> bool:
        return not self._is_readable() and time.monotonic() < self._start_deadline

    def await_ready(self) -> None:
        """Wait until it can take orders. Raises `ChildDied`, or `ChildRefused` with the child's message."""
        try:
            while (refusal := self._receive()) is None:
                left_s = self._start_deadline - time.monotonic()
                if left_s <= 0:
                    raise self._failed()
                self._poll.poll(min(left_s, MESSAGE_TIMEOUT_S) * 1000)
            if refusal:
                raise ChildRefused(refusal.decode())
        except BaseException:  # or a signal that stops the worker
            self.kill()
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def resident_bytes(self) -> int:
        """0 on systems without /proc."""
        try:
            pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        except (OSError, IndexError):
            return 0
        return pages * os.sysconf("SC_PAGE_SIZE")

    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def fileno(self) -> int:
        """Readable when the child has sent a message or has closed its end."""
        return self._socket.fileno()

    def start(self, order: Order) -> None:
        self._orders[order.token] = order
        self._send(to_child(order))

    def drop(self, token: str) -> None:
        if token not in self._dropped:
            self._dropped.add(token)
            self._send(to_child(Drop(token)))

    def event(self) -> Event | None:
        """The next event of an order, or None. Raises `ChildDied`.

        A child that sends anything else is compromised, and is killed.
        """
        message = self._receive()
        if message is None:
            return None
        try:
            event = Event.from_bytes(message, self._orders)
            self._track(event)
        except ValueError as error:
            log.error("the child is killed, it sent an invalid message: %s", ascii(_without_input(error)))
            self._process.kill()
            self._orders.clear()  # so that no event after this one is valid
            raise ChildDied(self.wait()) from None
        return event

    def kill(self) -> None:
        self._process.kill()
        self.wait()
        self._socket.close()

    def wait(self) -> int:
        return self._process.wait()

    def _track(self, event: Event) -> None:
        """Raises `ValueError` if `event` cannot follow the previous ones."""
        if event.outcome is None:
            if self._started:
                raise ValueError("another order has started")
            self._started = event.token
            return
        if event.outcome.ending is Ending.DROPPED:
            if event.token == self._started or event.token not in self._dropped:
                raise ValueError("the order was not to be dropped")
        elif event.token == self._started:
            self._started = ""
        else:
            raise ValueError("the order has not started")
        self._dropped.discard(event.token)
        del self._orders[event.token]

    def _send(self, message: bytes) -> None:
        try:
            self._socket.sendall(LENGTH.pack(len(message)) + message)
        except OSError:
            raise self._failed() from None

    def _is_readable(self) -> bool:
        return bool(self._poll.poll(0))

    def _receive(self) -> bytes | None:
        """The next message, or None while it is incomplete; never blocks on a slow child."""
        message = self._next_message()
        if message is None and self._is_readable():
            try:
                piece = self._socket.recv(MAX_MESSAGE_BYTES)
            except OSError:
                piece = b""
            if not piece:
                raise self._failed()
            if not self._buffer:
                self._message_deadline = time.monotonic() + MESSAGE_TIMEOUT_S
            self._buffer += piece
            message = self._next_message()
        if message is None and self._buffer and time.monotonic() > self._message_deadline:
            raise self._failed()
        return message

    def _next_message(self) -> bytes | None:
        if len(self._buffer) < LENGTH.size:
            return None
        (size,) = LENGTH.unpack_from(self._buffer)
        if not 0 <= size <= MAX_MESSAGE_BYTES:
            raise self._failed()
        end = LENGTH.size + size
        if len(self._buffer) < end:
            return None
        message = bytes(self._buffer[LENGTH.size : end])
        del self._buffer[:end]
        self._message_deadline = time.monotonic() + MESSAGE_TIMEOUT_S
        return message

    def _failed(self) -> ChildDied:
        """The child closed the pipe, was late, or sent a message that is too long: end it."""
        try:
            return ChildDied(self._process.wait(EXIT_TIMEOUT_S))
        except subprocess.TimeoutExpired:
            self._process.kill()
            return ChildDied(self.wait())


def _without_input(error: ValueError) -> str:
    if isinstance(error, ValidationError):
        return str([detail["type"] for detail in error.errors(include_input=False, include_url=False)])
    return str(error)
