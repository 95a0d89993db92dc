"""Runs several processes in one terminal, with one log of coloured process names and one Ctrl-C for all."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from cli.serve import launch
from cli.serve.stop_signals import StopSignals
from jobs.config.settings import BAD_SETTINGS
from telemetry.line_writer import LineWriter
from telemetry.logs import LogFormat, format_on

COLOURS = (36, 35, 33, 32, 34, 31)  # ANSI: cyan, magenta, yellow, green, blue, red
OWN = "main"
OWN_COLOUR = 1  # bold
OUR_JSON = '{"timestamp": '
"""Prefix of the lines that `telemetry.logs` writes."""
NAME_WIDTH = 9
RESTART_PAUSE_S = 1.0
WATCH_S = 0.1
RELAY_TIMEOUT_S = 1.0


class Stopped(Exception):
    """A stop signal has come."""


@dataclass
class Role:
    """A process to keep running; `foundation` roles stop after all others."""

    name: str
    command: Sequence[str]
    colour: int
    env: Mapping[str, str]
    foundation: bool
    listens_on: socket.socket | None
    process: "subprocess.Popen[str]" = field(init=False)
    relay: threading.Thread = field(init=False)
    start_at: float = 0.0

    @property
    def running(self) -> bool:
        return self.process.poll() is None


class Supervisor:
    """Starts roles and restarts those that die; stops all at SIGTERM, SIGINT, SIGHUP and on exit.

    A context manager that suppresses `Stopped`. If this process is killed, the kernel kills the roles. A role
    that exits with `BAD_SETTINGS` stops everything, as a restart would not help.
    """

    def __init__(
        self,
        grace_s: float,
        log_format: LogFormat | None = None,
        goodbye: str = "everything has stopped",
    ) -> None:
        self._roles: list[Role] = []
        self._grace_s = grace_s
        self._goodbye = goodbye
        self._coloured = sys.stdout.isatty()
        self._log_format = format_on(sys.stdout, log_format)
        self._log = LineWriter(
            sys.stdout.fileno(),
            lambda lines: self._line(OWN, OWN_COLOUR, f"{lines:,} lines could not be written"),
        )
        self._signals = StopSignals()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> bool:
        if self._signals.came:
            self.say(f"stopping: running jobs have {self._grace_s:.0f} s; a second signal stops at once")
        self._stop()
        if self._signals.came:
            self.say(self._goodbye)
        self._log.close()
        return kind is Stopped

    def start(
        self,
        name: str,
        command: Sequence[str],
        env: Mapping[str, str] = {},
        *,
        foundation: bool = False,
        listens_on: socket.socket | None = None,
    ) -> Role:
        """Keep a process running; `env` is added to our environment.

        It inherits the socket `listens_on`, which is closed here when everything stops.
        """
        colour = COLOURS[len(self._roles) % len(COLOURS)]
        role = Role(name, command, colour, env, foundation, listens_on)
        self._launch(role)
        self._roles.append(role)
        return role

    def run(self, is_ready: Callable[[], bool] = lambda: True) -> None:
        """Restart dead roles until a signal comes; meanwhile poll `is_ready` until it returns True."""
        ready = False
        while not self._signals.wait(WATCH_S):
            self._restart_dead()
            ready = ready or is_ready()

    def pause(self, seconds: float) -> None:
        """Wait. Raises `Stopped` as soon as a signal has come."""
        if self._signals.wait(seconds):
            raise Stopped

    def say(self, text: str) -> None:
        self._log.write(self._line(OWN, OWN_COLOUR, text))

    def show(self, text: str) -> None:
        """Print text as it is, between the lines of the log."""
        self._log.write(text)

    def _stop(self) -> None:
        """Stop every role, foundations last; kill those that outlive the grace period."""
        for role in self._roles:
            if role.listens_on:
                role.listens_on.close()
        for foundation in (False, True):
            ending = [role for role in self._roles if role.foundation is foundation]
            for role in ending:
                role.process.terminate()
            self._await_end(ending)

    def _await_end(self, roles: Sequence[Role]) -> None:
        deadline = time.monotonic() + self._grace_s
        while not self._signals.hurried and time.monotonic() < deadline:
            running = [role for role in roles if role.running]
            if not running:
                break
            with contextlib.suppress(subprocess.TimeoutExpired):
                running[0].process.wait(WATCH_S)
        for role in roles:
            if role.running:
                why = "at the second signal" if self._signals.hurried else f"after {self._grace_s:.0f} s"
                self._print(role, f"killed {why}")
                role.process.kill()
                role.process.wait()
            role.relay.join(RELAY_TIMEOUT_S)

    def _launch(self, role: Role) -> None:
        """To be called on the main thread: the kernel kills a role when the thread that started it ends."""
        launcher = (sys.executable, "-I", "-S", launch.__file__, str(os.getpid()))
        role.process = subprocess.Popen(
            [*launcher, *role.command],
            env={**os.environ, "SUPERIMPOSE_LOG_FORMAT": self._log_format, **role.env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,  # Ctrl-C reaches only this process, which stops the roles in order
            pass_fds=[role.listens_on.fileno()] if role.listens_on else [],
        )
        role.relay = threading.Thread(target=self._relay, args=(role, role.process), daemon=True)
        role.relay.start()

    def _restart_dead(self) -> None:
        for role in self._roles:
            if role.running:
                continue
            status = role.process.returncode
            if status == BAD_SETTINGS:
                raise SystemExit(BAD_SETTINGS)
            if not role.start_at:
                self._print(role, f"ended with status {status}, restarting it")
                role.start_at = time.monotonic() + RESTART_PAUSE_S
            elif time.monotonic() >= role.start_at:
                role.start_at = 0.0
                self._launch(role)

    def _relay(self, role: Role, process: "subprocess.Popen[str]") -> None:
        for line in process.stdout or ():
            self._print(role, line.rstrip())

    def _print(self, role: Role, line: str) -> None:
        self._log.write(self._line(role.name, role.colour, line))

    def _line(self, name: str, colour: int, line: str) -> str:
        if self._log_format == "json":
            return json_line(name, line)
        padded = f"{name:<{NAME_WIDTH}}"
        return f"\x1b[{colour}m{padded}\x1b[0m| {line}" if self._coloured else f"{padded}| {line}"


def json_line(process: str, line: str) -> str:
    """A log line of `process` as JSON with its name; text that is not JSON becomes the event."""
    if line.startswith(OUR_JSON) and line.endswith("}"):
        return f'{line[:-1]}, "process": {json.dumps(process)}}}'
    now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return json.dumps({"timestamp": now, "event": line, "process": process})
