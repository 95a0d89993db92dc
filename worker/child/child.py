"""The warm child: a process that makes one picture after another, so that a crash costs one attempt.

Started fresh rather than forked, because its parent has threads; ends when its parent does.
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
from worker.privileges import OURS

LEAN = {
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": f"{32 * 1024 * 1024}",  # the most that glibc allows, and comes to by itself
    "MALLOC_TRIM_THRESHOLD_": f"{64 * 1024 * 1024}",
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
}
"""One job at a time needs no thread pool of numpy's and no malloc arena per thread.

Pictures are allocated anew for each job: memory given back to the kernel between them comes again as page
faults, a third of the time of a 1 MP PNG. Larger ones, which are given back, come in huge pages.
"""

SECRETS = {name for name, field in Settings.model_fields.items() if not field.repr}
"""Settings that a process which decodes strangers' files has no need of: its parent alone talks to Redis."""

START_TIMEOUT_S = 60  # loading the model of a content check included
MESSAGE_TIMEOUT_S = 10  # for a message that has begun
END_TIMEOUT_S = 2  # after its end of the pipe is closed
LARGEST_ANSWER = 256 * 1024

log = logging.getLogger("superimpose.worker")


class ChildDied(Exception):
    """The child ended without an answer; `exit_status` as of `subprocess`, negative for a signal."""

    def __init__(self, exit_status: int) -> None:
        super().__init__(f"the child process {_end(exit_status)}")
        self.exit_status = exit_status


class ChildRefused(Exception):
    """The child cannot work with these settings; the text is its sentence for the operator."""


def _end(exit_status: int) -> str:
    if exit_status >= 0:
        return f"ended with status {exit_status}"
    if -exit_status == signal.SIGXCPU:
        return "used up its processor time"
    return f"was ended by signal {-exit_status}, {signal.strsignal(-exit_status)}"


class Child:
    """The parent's side of one child process, in which `python` runs `module`."""

    python = sys.executable
    module = "worker.child.child_process"

    def __init__(self, settings: Settings) -> None:
        self._socket, theirs = socket.socketpair()
        self._socket.settimeout(MESSAGE_TIMEOUT_S)
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)
        self._heard = bytearray()
        self._stuck_at = 0.0
        # Without our settings, which come through the pipe, and a collector's, which may hold its key.
        env = LEAN | {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        try:
            with theirs:
                self._process = subprocess.Popen(
                    [self.python, "-P", "-m", self.module, str(theirs.fileno()), str(os.getpid())],
                    stdin=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    env=env,
                    start_new_session=True,  # Ctrl-C is for the parent, which lets a job finish
                )
            self._send(settings.model_dump_json(exclude=SECRETS).encode())
        except BaseException:
            self._socket.close()
            raise
        self._orders: dict[str, Order] = {}
        self._dropped: set[str] = set()
        self._begun = ""
        self._late_at = time.monotonic() + START_TIMEOUT_S

    @property
    def is_starting(self) -> bool:
        return not self.has_spoken() and time.monotonic() < self._late_at

    def await_ready(self) -> None:
        """Wait until it can take a task. Raises `ChildDied`; `ChildRefused`, where it says why it cannot."""
        try:
            while (refusal := self._message()) is None:
                left_s = self._late_at - time.monotonic()
                if left_s <= 0:
                    raise self._died()
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
        """0 where the system has no /proc."""
        try:
            pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        except (OSError, IndexError):
            return 0
        return pages * os.sysconf("SC_PAGE_SIZE")

    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def has_spoken(self) -> bool:
        return bool(self._poll.poll(0))

    def fileno(self) -> int:
        """Readable when it has something to say."""
        return self._socket.fileno()

    def start(self, order: Order) -> None:
        self._orders[order.token] = order
        self._send(to_child(order))

    def drop(self, token: str) -> None:
        if token not in self._dropped:
            self._dropped.add(token)
            self._send(to_child(Drop(token)))

    def event(self) -> Event | None:
        """What became of an order; None if nothing is known yet. Raises `ChildDied`.

        A child that sends anything else was taken over, and is killed.
        """
        message = self._message()
        if message is None:
            return None
        try:
            event = Event.from_bytes(message, self._orders)
            self._follow(event)
        except ValueError as error:
            log.error("the child is killed, its answer is not one: %s", ascii(_without_input(error)))
            self._process.kill()
            self._orders.clear()  # what else it has said is not heard
            raise ChildDied(self.wait()) from None
        return event

    def kill(self) -> None:
        self._process.kill()
        self.wait()
        self._socket.close()

    def wait(self) -> int:
        return self._process.wait()

    def _follow(self, event: Event) -> None:
        """Raises `ValueError` where it cannot come after the events before."""
        if event.outcome is None:
            if self._begun:
                raise ValueError("one has begun")
            self._begun = event.token
            return
        if event.outcome.ending is Ending.DROPPED:
            if event.token == self._begun or event.token not in self._dropped:
                raise ValueError("not to be dropped")
        elif event.token == self._begun:
            self._begun = ""
        else:
            raise ValueError("it has not begun")
        self._dropped.discard(event.token)
        del self._orders[event.token]

    def _send(self, message: bytes) -> None:
        try:
            self._socket.sendall(LENGTH.pack(len(message)) + message)
        except OSError:
            raise self._died() from None

    def _message(self) -> bytes | None:
        """The next message, once it is whole: a child that is slow to end one is not waited for."""
        message = self._cut()
        if message is None and self.has_spoken():
            try:
                piece = self._socket.recv(LARGEST_ANSWER)
            except OSError:
                piece = b""
            if not piece:
                raise self._died()
            if not self._heard:
                self._stuck_at = time.monotonic() + MESSAGE_TIMEOUT_S
            self._heard += piece
            message = self._cut()
        if message is None and self._heard and time.monotonic() > self._stuck_at:
            raise self._died()
        return message

    def _cut(self) -> bytes | None:
        """A whole message of what was heard."""
        if len(self._heard) < LENGTH.size:
            return None
        (size,) = LENGTH.unpack_from(self._heard)
        if not 0 <= size <= LARGEST_ANSWER:
            raise self._died()
        end = LENGTH.size + size
        if len(self._heard) < end:
            return None
        message = bytes(self._heard[LENGTH.size : end])
        del self._heard[:end]
        self._stuck_at = time.monotonic() + MESSAGE_TIMEOUT_S
        return message

    def _died(self) -> ChildDied:
        """The pipe is closed, stuck within a message, or holds too long a one."""
        try:
            return ChildDied(self._process.wait(END_TIMEOUT_S))
        except subprocess.TimeoutExpired:
            self._process.kill()
            return ChildDied(self.wait())


def _without_input(error: ValueError) -> str:
    if isinstance(error, ValidationError):
        return str([detail["type"] for detail in error.errors(include_input=False, include_url=False)])
    return str(error)
