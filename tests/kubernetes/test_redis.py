"""The Redis of kubernetes/ persists and refuses the same as that of the stack."""

import shutil
import subprocess

import pytest
from redis import Redis
from redis.exceptions import AuthenticationError, NoPermissionError

from tests.kubernetes.manifests import COMPOSE, REDIS, container
from tests.missing import missing
from tests.redis.guarded_redis import await_redis

PASSWORD = "a-password"


def test_redis_is_started_as_in_the_stack_but_with_a_password(base):
    args = container(base, REDIS)["args"]
    assert [each.replace(">$(REDIS_PASSWORD)", "nopass") for each in args] == COMPOSE["redis"]["command"]
    assert container(base, REDIS)["image"] == COMPOSE["redis"]["image"]


def test_redis_accepts_these_arguments_and_requires_the_password(base, tmp_path):
    args = [each.replace("$(REDIS_PASSWORD)", PASSWORD) for each in container(base, REDIS)["args"]]
    server = shutil.which("redis-server")
    if server is None:
        missing("needs redis-server")
    socket = tmp_path / "redis.sock"
    command = [server, "--port", "0", "--unixsocket", str(socket), "--dir", str(tmp_path), *args]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        await_redis(f"unix://:{PASSWORD}@{socket}", process)
        with Redis.from_url(f"unix://:{PASSWORD}@{socket}") as inside, pytest.raises(NoPermissionError):
            inside.flushall()
        with Redis.from_url(f"unix://{socket}") as outside, pytest.raises(AuthenticationError):
            outside.ping()
    finally:
        process.terminate()
        process.wait()
