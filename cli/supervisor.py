"""Several processes in one terminal: one log with a coloured name before each line, one Ctrl-C for all."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import TextIO

from cli.log_lines import json_line
from jobs.settings import BAD_SETTINGS
from telemetry.logs import LogFormat, format_on

COLOURS = (36, 35, 33, 32, 34, 31)  # ANSI: cyan, magenta, yellow, green, blue, red
NAME_WIDTH = 9
RESTART_PAUSE_S = 1.0
WATCH_S = 0.1
LAST_WORDS_S = 1.0


@dataclass
class Role:
    """One process to keep running; `foundation` roles stop after all others."""

    name: str
    command: Sequence[str]
    colour: int
    foundation: bool = False
    env: Mapping[str, str] = field(default_factory=dict)
    listens_on: socket.socket | None = None
    process: "subprocess.Popen[str] | None" = None
    relay: threading.Thread | None = None
    start_at: float = 0.0

    @property
    def running(self) -> bool:
        """Whether its process is alive."""
        return self.process is not None and self.process.poll() is None


class Supervisor:
    """Starts roles, restarts what dies, and on SIGTERM or SIGINT stops everything.

    A role that ends as `BAD_SETTINGS` stops everything too, as starting it again would not help.
    """

    def __init__(self, grace_s: float, log_format: LogFormat | None = None, out: TextIO = sys.stdout) -> None:
        self._roles: list[Role] = []
        self._grace_s = grace_s
        self._out = out
        self._log_format = format_on(out, log_format)
        self._stopping = threading.Event()
        self._bad_settings = False
        self._printing = threading.Lock()

    def start(
        self,
        name: str,
        command: Sequence[str],
        env: Mapping[str, str] | None = None,
        *,
        foundation: bool = False,
        listens_on: socket.socket | None = None,
    ) -> None:
        """Start a process under `name` and keep it running; `env` is added to our environment.

        It inherits the socket that it `listens_on`, which is closed here when everything stops.
        """
        colour = COLOURS[len(self._roles) % len(COLOURS)]
        role = Role(name, command, colour, foundation, env or {}, listens_on)
        self._roles.append(role)
        self._launch(role)

    def run(self, ready: Callable[[], None] | None = None) -> None:
        """Watch until a signal comes, then stop; `ready` is called when signals are handled.

        Raises `SystemExit` where a role could not work with its settings.
        """
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)
        try:
            if ready:
                ready()
            while not self._stopping.wait(WATCH_S):
                self._restart_dead()
        finally:
            self.stop()
        if self._bad_settings:
            raise SystemExit(BAD_SETTINGS)

    def stop(self) -> None:
        """End every role, foundations last, killing what outlives its grace. Leaves no process."""
        self._stopping.set()
        for role in self._roles:
            if role.listens_on:
                role.listens_on.close()
        for foundation in (False, True):
            ending = [role for role in self._roles if role.foundation is foundation]
            for role in ending:
                if role.process and role.running:
                    role.process.terminate()
            deadline = time.monotonic() + self._grace_s
            for role in ending:
                self._await_end(role, deadline)

    @property
    def stopping(self) -> bool:
        """Whether a signal has come."""
        return self._stopping.is_set()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping.set()

    def _launch(self, role: Role) -> None:
        role.process = subprocess.Popen(
            role.command,
            env={**os.environ, "SUPERIMPOSE_LOG_FORMAT": self._log_format, **role.env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,  # Ctrl-C comes to us alone; we stop the roles in order
            pass_fds=[role.listens_on.fileno()] if role.listens_on else [],
        )
        role.relay = threading.Thread(target=self._relay, args=(role, role.process), daemon=True)
        role.relay.start()

    def _restart_dead(self) -> None:
        for role in self._roles:
            if role.running:
                continue
            status = role.process.returncode if role.process else None
            if status == BAD_SETTINGS:
                self._bad_settings = True
                self._stopping.set()
            elif not role.start_at:
                self._print(role, f"ended with status {status}, starting it again")
                role.start_at = time.monotonic() + RESTART_PAUSE_S
            elif time.monotonic() >= role.start_at:
                role.start_at = 0.0
                self._launch(role)

    def _await_end(self, role: Role, deadline: float) -> None:
        if role.process is None:
            return
        try:
            role.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._print(role, f"did not stop within {self._grace_s:.0f} s, killed")
            role.process.kill()
            role.process.wait()
        if role.relay:
            role.relay.join(LAST_WORDS_S)

    def _relay(self, role: Role, process: "subprocess.Popen[str]") -> None:
        for line in process.stdout or ():
            self._print(role, line.rstrip())

    def _print(self, role: Role, line: str) -> None:
        if self._log_format == "json":
            shown = json_line(role.name, line)
        else:
            name = f"{role.name:<{NAME_WIDTH}}"
            shown = f"\x1b[{role.colour}m{name}\x1b[0m| {line}" if self._out.isatty() else f"{name}| {line}"
        with self._printing:
            print(shown, file=self._out, flush=True)
