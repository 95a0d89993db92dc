"""Forks processes of the service from one that has loaded it, as loading the API alone takes 2 s."""

import atexit
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO, Any, NoReturn

CHILD = "worker.child.child_process"
ROLES = ("cli", "worker")
LOADED = ("cli.main", "cli.serve.roles", "worker.warm_worker")
LOADED_BY_CHILDREN = ("worker.resources", "worker.tasks")
PIPE, PARENT = "the pipe", "the parent's process id"
"""Arguments of a process that it gets as numbers."""

NOT_LOADED_BY = ("SUPERIMPOSE_", "AWS_", "OTEL_", "PYTEST_")
"""Prefixes of environment variables that are not read at import."""

HERE = ("PYTHONPATH", str(Path(__file__).parents[1]))
"""A variable for plugins of the tests, which children load; it changes nothing for a forked process."""

LONGEST = 2**20


class Forked:
    """Like `subprocess.Popen`, for a process that is not our child."""

    def __init__(self, args: Sequence[str], reports: socket.socket) -> None:
        self.args = list(args)
        self.returncode: int | None = None
        self._reports = reports
        self.pid = int(reports.recv(LONGEST))

    def poll(self) -> int | None:
        """The exit status, if it has ended."""
        return self._await(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end."""
        ended = self._await(timeout)
        if ended is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return ended

    def send_signal(self, number: int) -> None:
        """Send a signal unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _await(self, timeout_s: float | None) -> int | None:
        if self.returncode is None and select.select([self._reports], [], [], timeout_s)[0]:
            self.returncode = int(self._reports.recv(LONGEST))
            self._reports.close()
        return self.returncode


def start(args: Sequence[str], env: Mapping[str, str], log: IO[bytes] | None) -> Any:
    """Run `python -m ARGS`: a `Forked`, or a `Popen` if other modules may be loaded."""
    if sys.platform != "linux" or args[0] not in ROLES or _loads_other(env):
        return subprocess.Popen([sys.executable, "-m", *args], env=dict(env), stdout=log, stderr=log)
    return _fork(LOADED, args, env, [log.fileno(), log.fileno()] if log else [1, 2])


def start_child(pipe: int) -> Any:
    """Fork a worker's child: a `Forked`."""
    return _fork(LOADED_BY_CHILDREN, [CHILD, PIPE, PARENT], os.environ, [1, 2, pipe])


def _fork(loaded: Sequence[str], args: Sequence[str], env: Mapping[str, str], fds: list[int]) -> Forked:
    reports, other_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    order = json.dumps({"args": list(args), "env": dict(env)}).encode()
    with other_end:
        socket.send_fds(_loaded(loaded)[0], [order], [other_end.fileno(), *fds])
    return Forked(args, reports)


def _loads_other(env: Mapping[str, str]) -> bool:
    differing = dict((env.items() ^ _loaded(LOADED)[1].items()) - {HERE})
    return not all(name.startswith(NOT_LOADED_BY) for name in differing)


@cache
def _loaded(modules: Sequence[str]) -> tuple[socket.socket, Mapping[str, str]]:
    """A connection to a process that has loaded these, which ends with ours; and its environment."""
    own_end, other_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with other_end:
        process = subprocess.Popen([sys.executable, "-m", "tests.warm", *modules], stdin=other_end.fileno())

    def end() -> None:
        own_end.close()
        process.wait()

    atexit.register(end)
    return own_end, dict(os.environ)


def _await_order(orders: socket.socket) -> dict[str, Any]:
    """Fork a process for each order; returns only in the forked process, with the order."""
    while True:
        text, fds, _, _ = socket.recv_fds(orders, LONGEST, 4)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if not text:
            sys.exit()
        if os.fork() == 0:
            orders.close()
            reports, out, err, *pipe = fds
            if pid := os.fork():
                for fd in pipe:
                    os.close(fd)
                _report_end(pid, socket.socket(fileno=reports))
            os.dup2(out, 1)
            os.dup2(err, 2)
            for fd in (reports, out, err):
                os.close(fd)
            numbers = {PIPE: pipe[0] if pipe else 0, PARENT: os.getppid()}
            order = json.loads(text)
            return order | {"args": [str(numbers.get(arg, arg)) for arg in order["args"]]}
        for fd in fds:
            os.close(fd)


def _report_end(pid: int, reports: socket.socket) -> NoReturn:
    """Report the exit status of our child, as only a parent learns it."""
    reports.send(str(pid).encode())
    _, status = os.waitpid(pid, 0)
    reports.send(str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def main() -> None:
    """Load the service, and fork a process for each order on stdin."""
    for name in sys.argv[1:]:
        importlib.import_module(name)
    gc.freeze()
    on_interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the forked processes
    orders = socket.socket(fileno=os.dup(0))
    with open(os.devnull) as nothing:  # noqa: PTH123 - no file of a folder
        os.dup2(nothing.fileno(), 0)
    order = _await_order(orders)
    signal.signal(signal.SIGINT, on_interrupt)
    os.environ.clear()
    os.environ.update(order["env"])
    sys.argv = order["args"]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
