"""The contestants: how each is started with so many workers, what it is asked for, and its label."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.harness.clients import Client, Peer, Thumbor
from benchmarks.harness.inputs import PLAIN_PILLOW, SAME_FUNCTION, Workload
from benchmarks.harness.machine import ROOT
from benchmarks.harness.processes import CannotStart
from benchmarks.harness.service import RedisServer, running, service

PEERS = "benchmarks.end_to_end.peers"
HERE = Path(sys.executable)
VERSIONS = (
    "import importlib.metadata as m, sys;"
    "print(*(f'{name} {m.version(name)}' for name in sys.argv[1:]), sep=', ')"
)


@dataclass(frozen=True)
class Contestant:
    """A peer: `api` serves HTTP; `worker` is started once, or once a worker where it lacks `{workers}`.

    Ours has neither, but a size of its cache.
    """

    name: str
    label: str
    packages: Sequence[str]
    api: str = ""
    worker: str = ""
    cache_bytes: int | None = None
    client: type[Client] = Peer
    python: Path = HERE
    workloads: Sequence[Workload] = (*SAME_FUNCTION, *PLAIN_PILLOW)

    @contextmanager
    def running(self, redis: RedisServer, workers: int) -> Iterator[Client]:
        """On an empty Redis. Raises `CannotStart`."""
        if not self.python.exists():
            raise CannotStart("not installed: `make bench-e2e` does it")
        redis.empty()
        if not self.api:
            settings = {} if self.cache_bytes is None else {"cache_bytes": self.cache_bytes}
            with service(redis, workers, self.name, **settings) as client:
                yield client
            return
        times = 1 if "{workers}" in self.worker else workers
        commands = [each.replace("{workers}", str(workers)) for each in (self.api, *[self.worker] * times)]
        with TemporaryDirectory(dir=redis.folder) as pictures:
            env = peer_environment(redis, pictures)
            log = redis.folder / f"{self.name}.log"
            with running([each for each in commands if each], env, log, self.client, self.python) as client:
                yield client

    def versions(self) -> str:
        """Of its packages, as one line; empty where they are not installed."""
        command = [self.python, "-c", VERSIONS, *self.packages]
        try:
            return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        except (OSError, subprocess.CalledProcessError):
            return ""


def peer_environment(redis: RedisServer, pictures: str) -> dict[str, str]:
    return os.environ | {
        "BENCH_REDIS_SOCKET": str(redis.socket),
        "RQ_REDIS_URL": redis.url,
        "BENCH_PICTURES": pictures,
        "PYTHONPATH": str(ROOT),
        "OPENBLAS_NUM_THREADS": "1",
    }


def uvicorn(app: str) -> str:
    """As uvicorn[standard] serves it, in one process as ours."""
    return f"-m uvicorn {PEERS}.{app}:app --port {{port}} --no-access-log --log-level warning"


def rq(name: str, label: str, kind: str) -> Contestant:
    worker = f"-m rq.cli worker --worker-class {PEERS}.rq_worker.{kind} --logging_level WARNING default"
    return Contestant(name, label, ("rq", "redis"), uvicorn("rq_app"), worker)


def queue(name: str, label: str, worker: str) -> Contestant:
    """In an environment of its own."""
    return Contestant(
        name, label, (name, "redis"), uvicorn(f"{name}_app"), worker, python=environment_of(name)
    )


def environment_of(name: str) -> Path:
    return ROOT / ".venv-peers" / name / "bin" / "python"


OURS_PACKAGES = ("superimpose", "fastapi", "uvicorn", "redis", "rq", "pillow")
OURS = Contestant(  # compared where the work is the same, and there alone
    "ours",
    "Superimpose, cache of decoded inputs off",
    OURS_PACKAGES,
    cache_bytes=0,
    workloads=SAME_FUNCTION,
)
SHIPPED = Contestant("shipped", "Superimpose", OURS_PACKAGES)
ALL = (
    OURS,
    SHIPPED,
    rq("rq-simple", "RQ SimpleWorker", "SimpleWorker"),
    rq("rq-forking", "RQ Worker, forking", "Worker"),
    queue(
        "celery",
        "Celery",
        f"-m celery -A {PEERS}.celery_app:celery worker --concurrency {{workers}} --loglevel WARNING "
        "--without-gossip --without-mingle --without-heartbeat",
    ),
    queue("arq", "arq", f"-m {PEERS}.arq_app"),
    queue("dramatiq", "dramatiq", f"-m dramatiq {PEERS}.dramatiq_app --processes {{workers}} --threads 1"),
    Contestant(
        "thumbor",
        "thumbor",
        ("thumbor", "pillow"),
        f"-m thumbor.server --ip 127.0.0.1 --port {{port}} --processes {{workers}} --log-level ERROR "
        f"--conf {Path(__file__).parent}/peers/thumbor.conf",
        client=Thumbor,
        python=environment_of("thumbor"),
        workloads=PLAIN_PILLOW,
    ),
)
