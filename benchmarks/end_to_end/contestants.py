"""Who takes part, how each is started, and what it is for the tables."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.harness.clients import BentoTasks, Peer, Service, Superimpose
from benchmarks.harness.redis_server import Backing
from tests.stack import KEY, environment, free_port, running

WORKERS = 2
START_S = 60
STOP_S = 15
ROOT = Path(__file__).parents[2]
ENVIRONMENTS = ROOT / ".venv-peers"
APPS = "benchmarks.end_to_end.peers"

NO_LIMIT = "60000000/minute"
OPEN = {"fetch_allow": "127.0.0.1/32", "rate_limit": NO_LIMIT, "rate_limit_reads": NO_LIMIT}
"""One client with one key, from loopback: its own rate is not what is measured."""


class CannotStart(Exception):
    """A contestant does not run here; the text is what it said last."""


@dataclass(frozen=True)
class Ours:
    """The service of this repository."""

    name: str
    label: str
    settings: Mapping[str, object] = field(default_factory=dict)
    packages: tuple[str, ...] = ("superimpose", "fastapi", "uvicorn", "redis", "rq", "pillow")
    interpreter: Path = Path(sys.executable)

    @contextmanager
    def running(self, backing: Backing) -> Iterator[Service]:
        """Run API and workers."""
        backing.empty()
        env = environment(backing.url, backing.folder / self.name, **OPEN, **self.settings)
        with log(backing, self.name).open("wb") as output, running(env, WORKERS, output) as stack:
            pids = [process.pid for process in stack.processes]
            service = Superimpose(stack.url, pids, {"x-api-key": KEY})
            yield service
            service.close()


@dataclass(frozen=True)
class Other:
    """A peer; `{port}` in its commands is filled in."""

    name: str
    label: str
    packages: tuple[str, ...]
    commands: tuple[str, ...]
    client: type[Service] = Peer
    python: Path | None = None

    @property
    def interpreter(self) -> Path:
        """Of its own environment, unless `python` says otherwise."""
        return self.python or ENVIRONMENTS / self.name / "bin" / "python"

    @contextmanager
    def running(self, backing: Backing) -> Iterator[Service]:
        """Run its processes. Raises `CannotStart`."""
        if not self.interpreter.exists():
            raise CannotStart("not installed: `make bench-e2e` does it")
        backing.empty()
        pictures, port = backing.folder / self.name, free_port()
        pictures.mkdir(exist_ok=True)
        env = os.environ | {
            "BENCH_REDIS_SOCKET": str(backing.socket),
            "BENCH_PICTURES": str(pictures),
            "BENTOML_HOME": str(pictures),
            "BENTOML_DO_NOT_TRACK": "True",
            "PYTHONPATH": str(ROOT),
            "OPENBLAS_NUM_THREADS": "1",
        }
        with log(backing, self.name).open("wb") as output, ExitStack() as stack:
            processes = [
                stack.enter_context(
                    process([self.interpreter, *command.format(port=port).split()], env, output)
                )
                for command in self.commands
            ]
            await_port(port, processes, Path(output.name))
            service = self.client(f"http://127.0.0.1:{port}", [each.pid for each in processes])
            yield service
            service.close()


@contextmanager
def process(
    command: list[object], env: Mapping[str, str], output: object
) -> Iterator["subprocess.Popen[bytes]"]:
    """One process, ended by SIGTERM and only then by SIGKILL."""
    started = subprocess.Popen(list(map(str, command)), env=env, cwd=ROOT, stdout=output, stderr=output)
    try:
        yield started
    finally:
        started.terminate()
        try:
            started.wait(STOP_S)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


def await_port(port: int, processes: list["subprocess.Popen[bytes]"], output: Path) -> None:
    """Wait until somebody listens. Raises `CannotStart`."""
    deadline = time.monotonic() + START_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            if time.monotonic() > deadline or any(each.poll() is not None for each in processes):
                raise CannotStart(last_words(output)) from None
            time.sleep(0.1)


def last_words(output: Path) -> str:
    """The last line that a contestant wrote."""
    lines = output.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def log(backing: Backing, name: str) -> Path:
    """Where a contestant writes."""
    return backing.folder / f"{name}.log"


def uvicorn(app: str) -> str:
    """FastAPI as uvicorn[standard] serves it, in one process as ours."""
    return f"-m uvicorn {APPS}.{app}:app --port {{port}} --no-access-log --log-level warning"


OURS = Ours("ours", "Superimpose, cache of decoded inputs off", {"cache_bytes": 0})
SHIPPED = Ours("shipped", "Superimpose")
RQ_SIMPLE = Other(
    "rq-simple",
    "RQ SimpleWorker",
    ("rq", "redis"),
    (uvicorn("rq_app"), *[f"-m {APPS}.rq_worker SimpleWorker"] * WORKERS),
    python=Path(sys.executable),
)
RQ_FORKING = Other(
    "rq-forking",
    "RQ Worker, forking",
    ("rq", "redis"),
    (uvicorn("rq_app"), *[f"-m {APPS}.rq_worker Worker"] * WORKERS),
    python=Path(sys.executable),
)
CELERY = Other(
    "celery",
    "Celery",
    ("celery", "redis"),
    (
        uvicorn("celery_app"),
        f"-m celery -A {APPS}.celery_app:celery worker --concurrency {WORKERS} --loglevel WARNING "
        "--without-gossip --without-mingle --without-heartbeat",
    ),
)
ARQ = Other(
    "arq",
    "arq",
    ("arq", "redis"),
    (uvicorn("arq_app"), *[f"-m {APPS}.arq_app"] * WORKERS),
)
DRAMATIQ = Other(
    "dramatiq",
    "dramatiq",
    ("dramatiq", "redis"),
    (uvicorn("dramatiq_app"), f"-m dramatiq {APPS}.dramatiq_app --processes {WORKERS} --threads 1"),
)
BENTOML = Other(
    "bentoml",
    "BentoML tasks",
    ("bentoml",),
    (f"-m bentoml serve {APPS}.bentoml_service:Superimpose --quiet --host 127.0.0.1 --port {{port}}",),
    client=BentoTasks,
)

PEERS = (RQ_SIMPLE, RQ_FORKING, CELERY, ARQ, DRAMATIQ, BENTOML)
ALL = (OURS, SHIPPED, *PEERS)
