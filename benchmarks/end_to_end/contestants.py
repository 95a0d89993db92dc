"""The contestants: how each is started, and its label in the tables."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness.clients import BentoTasks, Client, Peer
from benchmarks.harness.machine import ROOT
from benchmarks.harness.processes import CannotStart
from benchmarks.harness.service import RedisServer, running, service

WORKERS = 2
PEERS = "benchmarks.end_to_end.peers"
HERE = Path(sys.executable)
VERSIONS = (
    "import importlib.metadata as m, sys;"
    "print(*(f'{name} {m.version(name)}' for name in sys.argv[1:]), sep=', ')"
)


@dataclass(frozen=True)
class Contestant:
    """A peer, of which the first of the `commands` serves HTTP; ours has none, but a size of its cache."""

    name: str
    label: str
    packages: Sequence[str]
    commands: Sequence[str] = ()
    cache_bytes: int | None = None
    client: type[Client] = Peer
    python: Path = HERE

    @contextmanager
    def running(self, redis: RedisServer) -> Iterator[Client]:
        """On an empty Redis. Raises `CannotStart`."""
        if not self.python.exists():
            raise CannotStart("not installed: `make bench-e2e` does it")
        redis.empty()
        if not self.commands:
            settings = {} if self.cache_bytes is None else {"cache_bytes": self.cache_bytes}
            with service(redis, WORKERS, self.name, **settings) as client:
                yield client
            return
        log, env = redis.folder / f"{self.name}.log", peer_environment(redis, self.name)
        with running(self.commands, env, log, self.client, self.python) as client:
            yield client

    def versions(self) -> str:
        """Of its packages, as one line; empty where they are not installed."""
        command = [self.python, "-c", VERSIONS, *self.packages]
        try:
            return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        except (OSError, subprocess.CalledProcessError):
            return ""


def peer_environment(redis: RedisServer, name: str) -> dict[str, str]:
    """With a folder for pictures."""
    pictures = redis.folder / name
    pictures.mkdir(exist_ok=True)
    return os.environ | {
        "BENCH_REDIS_SOCKET": str(redis.socket),
        "RQ_REDIS_URL": redis.url,
        "BENCH_PICTURES": str(pictures),
        "BENCH_WORKERS": str(WORKERS),
        "BENTOML_HOME": str(pictures),
        "BENTOML_DO_NOT_TRACK": "True",
        "PYTHONPATH": str(ROOT),
        "OPENBLAS_NUM_THREADS": "1",
    }


def uvicorn(app: str) -> str:
    """As uvicorn[standard] serves it, in one process as ours."""
    return f"-m uvicorn {PEERS}.{app}:app --port {{port}} --no-access-log --log-level warning"


def rq(name: str, label: str, kind: str) -> Contestant:
    worker = f"-m rq.cli worker --worker-class {PEERS}.rq_worker.{kind} --logging_level WARNING default"
    return Contestant(name, label, ("rq", "redis"), [uvicorn("rq_app"), *[worker] * WORKERS])


def peer(name: str, label: str, *commands: str, client: type[Client] = Peer) -> Contestant:
    """In an environment of its own."""
    packages = (name,) if client is BentoTasks else (name, "redis")
    python = ROOT / ".venv-peers" / name / "bin" / "python"
    return Contestant(name, label, packages, commands, client=client, python=python)


OURS_PACKAGES = ("superimpose", "fastapi", "uvicorn", "redis", "rq", "pillow")
OURS = Contestant("ours", "Superimpose, cache of decoded inputs off", OURS_PACKAGES, cache_bytes=0)
SHIPPED = Contestant("shipped", "Superimpose", OURS_PACKAGES)
ALL = (
    OURS,
    SHIPPED,
    rq("rq-simple", "RQ SimpleWorker", "SimpleWorker"),
    rq("rq-forking", "RQ Worker, forking", "Worker"),
    peer(
        "celery",
        "Celery",
        uvicorn("celery_app"),
        f"-m celery -A {PEERS}.celery_app:celery worker --concurrency {WORKERS} --loglevel WARNING "
        "--without-gossip --without-mingle --without-heartbeat",
    ),
    peer("arq", "arq", uvicorn("arq_app"), *[f"-m {PEERS}.arq_app"] * WORKERS),
    peer(
        "dramatiq",
        "dramatiq",
        uvicorn("dramatiq_app"),
        f"-m dramatiq {PEERS}.dramatiq_app --processes {WORKERS} --threads 1",
    ),
    peer(
        "bentoml",
        "BentoML tasks",
        f"-m bentoml serve {PEERS}.bentoml_service:Superimpose --quiet --host 127.0.0.1 --port {{port}}",
        client=BentoTasks,
    ),
)
