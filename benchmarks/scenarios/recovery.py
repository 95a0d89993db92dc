"""How soon a request is worked on again after who worked on it was killed, in one run.

A job waits for a picture that does not come; its child, its worker with the child, or a whole host of workers
is killed with SIGKILL, and the time runs until somebody else has claimed the job. The host is a namespace of
processes of its own, so that nobody outside can see that its processes are gone: its lease has to run out.
A supervisor starts again what was killed, but for the host.

    python -m benchmarks.scenarios.recovery [--rounds 5]
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from redis import Redis

from cli.serve.redis_server import await_ready, server_command
from jobs import keyspace
from tests.cli.test_up import descendants
from tests.origin import Origin, serving
from tests.stack import Stack, environment, running

PATIENCE_S = 60
SUPERVISED = (sys.executable, "-m", "cli", "worker", "--workers", "1")
HOST = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc", *SUPERVISED)


def start(command: tuple[str, ...], env: dict[str, str]) -> "subprocess.Popen[bytes]":
    """A process of a fleet."""
    return subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def worker_of(supervisor: int) -> int:
    """The worker process below a supervisor, and not its child."""
    below = descendants(supervisor)
    return min(pid for pid in below if b"worker\0" in Path(f"/proc/{pid}/cmdline").read_bytes()[-8:])


def kill_child(supervisor: int) -> None:
    """The process that makes the picture."""
    os.kill(max(descendants(worker_of(supervisor))), signal.SIGKILL)


def kill_worker(supervisor: int) -> None:
    """Its parent, and with it the child."""
    os.kill(worker_of(supervisor), signal.SIGKILL)


def kill_host(supervisor: int) -> None:
    """Everything there."""
    for pid in sorted(descendants(supervisor)):
        os.kill(pid, signal.SIGKILL)


def await_attempt(redis: Redis, request_id: str, number: int) -> None:
    """Wait until an attempt has begun."""
    deadline = time.monotonic() + PATIENCE_S
    while int(redis.hget(keyspace.request(request_id), "attempts") or 0) < number:  # type: ignore[arg-type]
        if time.monotonic() > deadline:
            raise TimeoutError(f"attempt {number} did not begin within {PATIENCE_S} s")
        time.sleep(0.002)


def recovery_s(
    stack: Stack, redis: Redis, origin: Origin, command: tuple[str, ...], kill: Callable[[int], None]
) -> float:
    """From the kill to the next attempt, which a second worker makes where the first one's host is gone."""
    victim = start(command, dict(stack.env))
    path = f"/hangs.jpg?{time.monotonic_ns()}"
    request_id = stack.submit(base_image=origin.url + path, overlay_image=f"{stack.url}/samples/logo.png")
    origin.await_request(path)
    other = start(SUPERVISED, dict(stack.env)) if kill is kill_host else None
    time.sleep(3 if other else 0.5)  # the other one is ready
    begun = time.monotonic()
    kill(victim.pid)
    await_attempt(redis, request_id, 2)
    took = time.monotonic() - begun
    stack.client.post(f"/v2/requests/{request_id}/cancel")
    for process in filter(None, (victim, other)):
        process.terminate()
        process.wait()
    return took


def main() -> None:
    """On a Redis of its own, with the settings as shipped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    kinds: dict[str, tuple[tuple[str, ...], Callable[[int], None]]] = {
        "its child": (SUPERVISED, kill_child),
        "its worker": (SUPERVISED, kill_worker),
    }
    if shutil.which("unshare") and os.geteuid() == 0:
        kinds["its host"] = (HOST, kill_host)
    else:
        print("its host: not measured, that needs root and unshare(1)")
    with tempfile.TemporaryDirectory(dir="/tmp") as folder, serving() as origin:
        socket = Path(folder, "redis.sock")
        process = subprocess.Popen(server_command(Path(folder), socket), stdout=subprocess.DEVNULL)
        try:
            await_ready(socket, lambda: process.poll() is not None)
            env = environment(f"unix://{socket}", folder, fetch_allow="127.0.0.1/32", fetch_timeout_s=40)
            with running(env, workers=0) as stack, Redis.from_url(f"unix://{socket}") as redis:
                seen: dict[str, list[float]] = {name: [] for name in kinds}
                for _ in range(rounds):
                    for name, (command, kill) in kinds.items():
                        seen[name].append(recovery_s(stack, redis, origin, command, kill))
        finally:
            process.terminate()
            process.wait()
    print(f"{'killed with SIGKILL':22} {'median':>8} {'longest':>8}   s until it is worked on again")
    for name, times in seen.items():
        print(f"{name:22} {median(times):8.2f} {max(times):8.2f}")


if __name__ == "__main__":
    main()
