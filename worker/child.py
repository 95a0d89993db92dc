"""The warm child: a process that runs one task after another, so that a crash costs one attempt.

Started fresh rather than forked, because its parent has threads; ends by itself when its parent does.
"""

import os
import signal
import subprocess
import sys
from multiprocessing.connection import Pipe

from jobs.settings import Settings
from worker.outcome import Outcome

LEAN = {"OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
"""One job at a time needs no thread pool of numpy's and no malloc arena per thread."""

KEYS = {"admin_key", "dev_api_key"}
"""Settings that a process which decodes strangers' files has no need of."""

START_TIMEOUT_S = 60  # loading the model of a content check included


class ChildDied(Exception):
    """The child ended without an answer; `exit_status` as of `subprocess`, negative for a signal."""

    def __init__(self, exit_status: int) -> None:
        super().__init__(f"the child process {_end(exit_status)}")
        self.exit_status = exit_status


class ChildRefused(Exception):
    """The child cannot work with these settings; the text is its sentence for whoever set them."""


def _environment() -> dict[str, str]:
    """Ours without our settings, which come through the pipe."""
    return LEAN | {name: value for name, value in os.environ.items() if not name.startswith("SUPERIMPOSE_")}


def _end(exit_status: int) -> str:
    if exit_status >= 0:
        return f"ended with status {exit_status}"
    if -exit_status == signal.SIGXCPU:
        return "used up its processor time"
    return f"was ended by signal {-exit_status}, {signal.strsignal(-exit_status)}"


class Child:
    """The parent's side of one child process."""

    def __init__(self, settings: Settings) -> None:
        self._connection, theirs = Pipe()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "worker.child_process", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env=_environment(),
                start_new_session=True,  # Ctrl-C is for the parent, which lets a job finish
            )
        self._send(settings.model_dump_json(exclude=KEYS))

    def await_ready(self) -> None:
        """Wait until it can take a task. Raises `ChildDied`; `ChildRefused`, where it says why it cannot."""
        try:
            if not self._connection.poll(START_TIMEOUT_S):
                self.kill()
            refusal = self._receive().decode()
            if refusal:
                raise ChildRefused(refusal)
        except BaseException:  # or a signal that stops the worker
            self.kill()
            self.wait()
            raise

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def start(self, request_id: str) -> None:
        """Begin a task. Raises `ChildDied`."""
        self._send(request_id)

    def outcome(self, timeout_s: float) -> Outcome | None:
        """The answer to `start`; None if it is not there yet. Raises `ChildDied`."""
        return Outcome.from_bytes(self._receive()) if self._connection.poll(timeout_s) else None

    def kill(self) -> None:
        """End it now, whatever it is doing."""
        self._process.kill()

    def wait(self) -> int:
        """Exit status, once it has ended."""
        return self._process.wait()

    def close(self) -> None:
        """Let it end, now that it is idle."""
        self._connection.close()
        self.wait()

    def _send(self, text: str) -> None:
        try:
            self._connection.send_bytes(text.encode())
        except OSError:
            raise ChildDied(self.wait()) from None

    def _receive(self) -> bytes:
        try:
            return self._connection.recv_bytes()
        except (EOFError, OSError):
            raise ChildDied(self.wait()) from None
