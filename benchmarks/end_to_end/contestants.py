"""The contestants: their commands, workloads and labels."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from benchmarks.harness.clients import PLAIN_PILLOW, SAME_FUNCTION, Client, Peer, Thumbor, Workload
from benchmarks.harness.machine import ROOT, output
from benchmarks.harness.processes import CannotStart
from benchmarks.harness.service import RedisServer, running, service

PEERS = "benchmarks.end_to_end.peers"
HERE = Path(sys.executable)
VERSIONS = (
    "import importlib.metadata as m, sys;"
    "print(*(f'{name} {m.version(name)}' for name in sys.argv[1:]), sep=', ')"
)


class Contestant(NamedTuple):
    """A peer with the commands `api`, which serves HTTP, and `worker`; or with neither, this service.

    A `worker` without `{workers}` is started once for each worker.
    """

    name: str
    label: str
    packages: Sequence[str]
    api: str = ""
    worker: str = ""
    settings: Mapping[str, object] = {}
    client: type[Client] = Peer
    workloads: Sequence[Workload] = (*SAME_FUNCTION, *PLAIN_PILLOW)

    @property
    def python(self) -> Path:
        """All peers but RQ have their own environment."""
        library = self.packages[0]
        return HERE if library in ("superimpose", "rq") else ROOT / f".venv-peers/{library}/bin/python"

    @contextmanager
    def running(self, server: RedisServer, workers: int) -> Iterator[Client]:
        """Start it on an empty Redis. Raises `CannotStart`."""
        if not self.python.exists():
            raise CannotStart("not installed: `make bench-e2e` does it")
        server.redis.flushall()
        if not self.api:
            with service(workers, server, self.name, **self.settings) as client:
                yield client
            return
        times = 1 if "{workers}" in self.worker else workers
        commands = [each.replace("{workers}", str(workers)) for each in (self.api, *[self.worker] * times)]
        with TemporaryDirectory(dir=server.folder) as pictures:
            env = os.environ | {
                "BENCH_REDIS_SOCKET": server.url.removeprefix("unix://"),
                "RQ_REDIS_URL": server.url,
                "BENCH_PICTURES": pictures,
                "PYTHONPATH": str(ROOT),
                "OPENBLAS_NUM_THREADS": "1",
            }
            log = server.folder / f"{self.name}.log"
            with running([each for each in commands if each], env, log, self.client, self.python) as client:
                yield client

    def versions(self) -> str:
        """The versions of its packages in one line; empty if they are not installed."""
        return output(str(self.python), "-c", VERSIONS, *self.packages)


def queue(library: str, name: str, label: str, worker: str) -> Contestant:
    """A queue behind uvicorn[standard] with one process, as ours."""
    api = f"-m uvicorn {PEERS}.{library}_app:app --port {{port}} --no-access-log --log-level warning"
    return Contestant(name, label, (library, "redis"), api, worker)


RQ = f"-m rq.cli worker --logging_level WARNING --worker-class {PEERS}.rq_worker"
CELERY = (
    f"-m celery -A {PEERS}.celery_app:celery worker --concurrency {{workers}} --loglevel WARNING "
    "--without-gossip --without-mingle --without-heartbeat"
)
DRAMATIQ = f"-m dramatiq {PEERS}.dramatiq_app --processes {{workers}} --threads 1"
THUMBOR = (
    "-m thumbor.server --ip 127.0.0.1 --port {port} --processes {workers} --log-level ERROR "
    f"--conf {Path(__file__).parent}/peers/thumbor.conf"
)
PACKAGES = ("superimpose", "fastapi", "uvicorn", "redis", "rq", "pillow")
UNCACHED = "Superimpose, cache of decoded inputs off"  # only where all contestants do the same work
OURS = Contestant("ours", UNCACHED, PACKAGES, settings={"cache_bytes": 0}, workloads=SAME_FUNCTION)
SHIPPED = Contestant("shipped", "Superimpose", PACKAGES)
ALL = (
    OURS,
    SHIPPED,
    queue("rq", "rq-simple", "RQ SimpleWorker", f"{RQ}.SimpleWorker default"),
    queue("rq", "rq-forking", "RQ Worker, forking", f"{RQ}.Worker default"),
    queue("celery", "celery", "Celery", CELERY),
    queue("arq", "arq", "arq", f"-m {PEERS}.arq_app"),
    queue("dramatiq", "dramatiq", "dramatiq", DRAMATIQ),
    Contestant("thumbor", "thumbor", ("thumbor", "pillow"), THUMBOR, client=Thumbor, workloads=PLAIN_PILLOW),
)
