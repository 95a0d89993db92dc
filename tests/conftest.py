"""A real Redis for the whole run, a service on it, and an origin to fetch pictures from."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from cli.serve.redis_server import await_ready, server_command
from jobs.config.settings import Settings
from jobs.keys.api_keys import ApiKeys
from jobs.redis import connection
from tests import origin as origins
from tests import s3
from tests.missing import missing
from tests.stack import Stack, empty_database, environment, running

for _name in [name for name in os.environ if name.startswith("SUPERIMPOSE_")]:
    del os.environ[_name]  # tests say what they set
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # each of a thousand processes would compile all anew

if (
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN
):  # a shell's background job; its children would ignore Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # ignored under `nohup`, and so by what tests start


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One more than cores: tests of faults and time limits wait for a third of their time."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture(scope="session")
def redis_socket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The socket of a Redis as `superimpose up` starts it, but whose writes do not wait for the disk."""
    directory = tmp_path_factory.mktemp("redis")
    socket = directory / "redis.sock"
    command = [*server_command(directory, socket), "--appendfsync", "no"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        await_ready(socket, lambda: process.poll() is not None)
        yield socket
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="session", autouse=True)
def shipped_connect_timeout_s() -> Iterator[float]:
    """What callers of the service wait. In tests' own process ten times as long: a busy machine halts it."""
    shipped_s = connection.CONNECT_TIMEOUT_S
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connection, "CONNECT_TIMEOUT_S", 10 * shipped_s)
        yield shipped_s


@pytest.fixture
def redis(redis_socket: Path) -> Iterator[Redis]:
    """An empty database, for tests that start their own processes or none."""
    with Redis.from_url(f"unix://{redis_socket}?db=1") as empty:
        empty.flushdb()
        yield empty


@pytest.fixture
def key_id(redis: Redis) -> str:
    """An API key that may do everything."""
    return ApiKeys(redis).create("shop")[0].key_id


@pytest.fixture
def settings(redis: Redis, redis_socket: Path, tmp_path: Path) -> Settings:
    """Defaults, on the empty database."""
    return Settings(redis_url=f"unix://{redis_socket}?db=1", data_dir=tmp_path)


@pytest.fixture(scope="session")
def origin() -> Iterator[origins.Origin]:
    """Where pictures are fetched from."""
    with origins.serving() as server:
        yield server


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """A real S3-speaking server."""
    with s3.serving() as url:
        yield url


@pytest.fixture
def bucket(s3_server: str) -> s3.Bucket:
    """An empty bucket on it."""
    return s3.make_bucket(s3_server)


@pytest.fixture(scope="session")
def service(redis_socket: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One API and two workers, shared by all tests that only use them as a client would."""
    env = environment(
        empty_database(redis_socket, 0),
        tmp_path_factory.mktemp("service"),
        fetch_allow="127.0.0.1/32",
        fetch_timeout_s=5,
        job_timeout_s=30,
    )
    with running(env, workers=2) as stack:
        yield stack


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium browser; without one tests are skipped, but on CI they fail."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        message = "no chromium on PATH (apt install chromium)"
        missing(message)
    return path
