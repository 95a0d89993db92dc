"""A real Redis for the whole run, a service on it, and an origin of pictures."""

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
    del os.environ[_name]  # tests set what they need
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # else each of a thousand processes would compile all

if (
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN
):  # in background jobs of a shell children would inherit an ignored SIGINT
    signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # `nohup` ignores it, which processes of tests would inherit


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Two more than cores: tests of faults and time limits wait, so one more left a third of them idle."""
    return (os.cpu_count() or 1) + 2


@pytest.fixture(scope="session")
def redis_socket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The socket of a Redis like that of `superimpose up`, but without waiting for the disk."""
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
    """Redis timeouts are ten times as long in the tests' own process, as a busy machine may suspend it."""
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
    """An API key with all scopes."""
    return ApiKeys(redis).create("shop")[0].key_id


@pytest.fixture
def settings(redis: Redis, redis_socket: Path, tmp_path: Path) -> Settings:
    """Default settings on the empty database."""
    return Settings(redis_url=f"unix://{redis_socket}?db=1", data_dir=tmp_path)


@pytest.fixture(scope="session")
def origin() -> Iterator[origins.Origin]:
    """An origin of pictures."""
    with origins.serving() as server:
        yield server


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """A real S3 server."""
    with s3.serving() as url:
        yield url


@pytest.fixture
def bucket(s3_server: str) -> s3.Bucket:
    """An empty bucket on the S3 server."""
    return s3.make_bucket(s3_server)


@pytest.fixture(scope="session")
def service(redis_socket: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One API and two workers, shared by all tests that only use them as a client."""
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
    """The path of Chromium; without it tests are skipped, on CI they fail."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        missing("no chromium on PATH (apt install chromium)")
    return path
