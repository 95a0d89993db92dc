"""Runs a command in a process forked from one that has loaded the service, and reads its output."""

import os
import subprocess
import threading
from collections.abc import Mapping

from tests import warm


class Command:
    """Has the methods of `subprocess.Popen` that tests use; `stdout` is also its standard error."""

    def __init__(self, env: Mapping[str, str], *arguments: str) -> None:
        reads, writes = os.pipe()
        self.stdout = os.fdopen(reads, errors="replace")
        with os.fdopen(writes, "wb") as log:
            process: subprocess.Popen[str] = warm.start(("cli", *arguments), env, log)
        self.pid = process.pid
        self.poll, self.wait = process.poll, process.wait
        self.send_signal, self.kill = process.send_signal, process.kill

    @property
    def returncode(self) -> int | None:
        return self.poll()

    def communicate(self, timeout: float) -> tuple[str, None]:
        """Wait until the process and all that write to its output have ended; returns the rest of it."""
        rest: list[str] = []
        reader = threading.Thread(target=lambda: rest.append(self.stdout.read()), daemon=True)
        reader.start()
        reader.join(timeout)
        assert rest, "its output has not ended"
        self.wait(timeout)
        self.stdout.close()
        return rest[0], None
