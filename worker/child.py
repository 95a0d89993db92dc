"""The warm child: a process that runs one task after another, so that a crash costs one attempt.

Started fresh rather than forked, because its parent has threads; ends by itself when its parent does.
"""

import os
import subprocess
import sys
from multiprocessing.connection import Pipe

from jobs.settings import Settings
from worker.outcome import Outcome

LEAN = {"OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
"""One job at a time needs no thread pool of numpy's and no malloc arena per thread."""


class ChildDied(Exception):
    """The child ended without an answer; `exit_status` as of `subprocess`, negative for a signal."""

    def __init__(self, exit_status: int) -> None:
        super().__init__(f"the child process ended with status {exit_status}")
        self.exit_status = exit_status


class Child:
    """The parent's side of one child process."""

    def __init__(self, settings: Settings) -> None:
        self._connection, theirs = Pipe()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "worker.child_process", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env=LEAN | os.environ,
                start_new_session=True,  # Ctrl-C is for the parent, which lets a job finish
            )
        self._connection.send_bytes(settings.model_dump_json().encode())

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def start(self, request_id: str) -> None:
        """Begin a task. Raises `ChildDied`."""
        try:
            self._connection.send_bytes(request_id.encode())
        except OSError:
            raise ChildDied(self.wait()) from None

    def outcome(self, timeout_s: float) -> Outcome | None:
        """The answer to `start`; None if it is not there yet. Raises `ChildDied`."""
        try:
            if not self._connection.poll(timeout_s):
                return None
            return Outcome.from_bytes(self._connection.recv_bytes())
        except (EOFError, OSError):
            raise ChildDied(self.wait()) from None

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
