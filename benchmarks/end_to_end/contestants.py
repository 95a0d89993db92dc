"""The contestants: how each is started, and its label in the tables."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.harness.clients import BentoTasks, Client, Peer, Superimpose
from benchmarks.harness.machine import ROOT
from benchmarks.harness.processes import CannotStart, await_answer, free_port, started
from benchmarks.harness.redis_server import RedisServer
from benchmarks.harness.service import service

ENVIRONMENTS = ROOT / ".venv-peers"
APPS = "benchmarks.end_to_end.peers"
VERSIONS = (
    "import importlib.metadata as m, sys;"
    "print(*(f'{name} {m.version(name)}' for name in sys.argv[1:]), sep=', ')"
)


@dataclass(frozen=True)
class Ours:
    """The service of this repository."""

    name: str
    label: str
    settings: Mapping[str, object] = field(default_factory=dict)
    packages: tuple[str, ...] = ("superimpose", "fastapi", "uvicorn", "redis", "rq", "pillow")
    interpreter: Path = Path(sys.executable)

    def running(self, redis: RedisServer, workers: int) -> AbstractContextManager[Superimpose]:
        redis.empty()
        return service(redis, workers, self.name, **self.settings)


@dataclass(frozen=True)
class Other:
    """A peer; `commands` are those of so many workers, with `{port}` to be filled in."""

    name: str
    label: str
    packages: tuple[str, ...]
    commands: Callable[[int], Sequence[str]]
    client: type[Client] = Peer
    python: Path | None = None

    @property
    def interpreter(self) -> Path:
        """Of its own environment, unless `python` says otherwise."""
        return self.python or ENVIRONMENTS / self.name / "bin" / "python"

    @contextmanager
    def running(self, redis: RedisServer, workers: int) -> Iterator[Client]:
        """Raises `CannotStart`."""
        if not self.interpreter.exists():
            raise CannotStart("not installed: `make bench-e2e` does it")
        redis.empty()
        pictures, port = redis.folder / self.name, free_port()
        pictures.mkdir(exist_ok=True)
        log = redis.folder / f"{self.name}.log"
        env = peer_environment(redis, pictures) | {"BENCH_WORKERS": str(workers)}
        with ExitStack() as stack:
            processes = [
                stack.enter_context(started([self.interpreter, *command.format(port=port).split()], env, log))
                for command in self.commands(workers)
            ]
            await_answer(port, processes, log)
            url, pids = f"http://127.0.0.1:{port}", [each.pid for each in processes]
            yield stack.enter_context(self.client(url, pids))


def peer_environment(redis: RedisServer, pictures: Path) -> dict[str, str]:
    return os.environ | {
        "BENCH_REDIS_SOCKET": str(redis.socket),
        "BENCH_PICTURES": str(pictures),
        "BENTOML_HOME": str(pictures),
        "BENTOML_DO_NOT_TRACK": "True",
        "PYTHONPATH": str(ROOT),
        "OPENBLAS_NUM_THREADS": "1",
    }


def uvicorn(app: str) -> str:
    """FastAPI as uvicorn[standard] serves it, in one process as ours."""
    return f"-m uvicorn {APPS}.{app}:app --port {{port}} --no-access-log --log-level warning"


def versions(contestant: Ours | Other) -> str:
    """Of its packages, as one line; empty where they are not installed."""
    command = [contestant.interpreter, "-c", VERSIONS, *contestant.packages]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def rq(kind: str) -> Callable[[int], Sequence[str]]:
    return lambda workers: [uvicorn("rq_app"), *[f"-m {APPS}.rq_worker {kind}"] * workers]


HERE = Path(sys.executable)
OURS = Ours("ours", "Superimpose, cache of decoded inputs off", {"cache_bytes": 0})
SHIPPED = Ours("shipped", "Superimpose")
ALL = (
    OURS,
    SHIPPED,
    Other("rq-simple", "RQ SimpleWorker", ("rq", "redis"), rq("SimpleWorker"), python=HERE),
    Other("rq-forking", "RQ Worker, forking", ("rq", "redis"), rq("Worker"), python=HERE),
    Other(
        "celery",
        "Celery",
        ("celery", "redis"),
        lambda workers: [
            uvicorn("celery_app"),
            f"-m celery -A {APPS}.celery_app:celery worker --concurrency {workers} --loglevel WARNING "
            "--without-gossip --without-mingle --without-heartbeat",
        ],
    ),
    Other(
        "arq",
        "arq",
        ("arq", "redis"),
        lambda workers: [uvicorn("arq_app"), *[f"-m {APPS}.arq_app"] * workers],
    ),
    Other(
        "dramatiq",
        "dramatiq",
        ("dramatiq", "redis"),
        lambda workers: [
            uvicorn("dramatiq_app"),
            f"-m dramatiq {APPS}.dramatiq_app --processes {workers} --threads 1",
        ],
    ),
    Other(
        "bentoml",
        "BentoML tasks",
        ("bentoml",),
        lambda _: [
            f"-m bentoml serve {APPS}.bentoml_service:Superimpose --quiet --host 127.0.0.1 --port {{port}}"
        ],
        client=BentoTasks,
    ),
)
