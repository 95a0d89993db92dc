"""The whole service over a Redis with an ACL, a password and TLS, set up as in docs/stack.md."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from redis import AuthenticationError, Redis
from redis.exceptions import NoPermissionError, ResponseError
from typer.testing import CliRunner, Result

from cli.main import app
from jobs import keyspace
from jobs.config.settings import Settings
from jobs.maintenance.housekeeping import Housekeeping
from jobs.maintenance.reconciler import Reconciler
from jobs.pictures.store import PictureStore
from jobs.redis.connection import connect
from tests.redis import guarded_redis
from tests.redis.guarded_redis import ENCODED, PASSWORD
from tests.stack import PATIENT, Stack, environment, running
from tests.test_compose_file import SERVICES

STACK_DOCS = Path(__file__).parents[2] / "docs" / "stack.md"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    with guarded_redis.serving(tmp_path_factory.mktemp("guarded")) as redis:
        yield redis


@pytest.fixture(scope="module", params=["plain", "tls"])
def url(guarded, request) -> str:
    return getattr(guarded, request.param)


@pytest.fixture(scope="module")
def stack(url, tmp_path_factory):
    directory = tmp_path_factory.mktemp("stack")
    patient = f"{url}{'&' if '?' in url else '?'}{PATIENT}"
    env = environment(patient, directory, fetch_allow="127.0.0.1/32", job_timeout_s=30)
    with (directory / "log").open("w+b") as log, running(env, log=log) as stack:
        yield stack


def log_of(stack: Stack) -> str:
    assert stack.log is not None
    stack.log.flush()
    with open(stack.log.name) as log:  # noqa: PTH123
        return log.read()


def samples(stack: Stack) -> dict[str, str]:
    return {
        "base_image": f"{stack.url}/samples/cup.jpg",
        "overlay_image": f"{stack.url}/samples/logo.png",
    }


def test_the_documented_acl_is_that_of_the_stack():
    rules = re.search(r"^user superimpose on >PASSWORD (.*)$", STACK_DOCS.read_text(), re.MULTILINE)

    assert rules is not None
    assert rules[1].split() == guarded_redis.acl(guarded_redis.compose_options())


def test_requests_complete_and_pictures_are_served(stack):
    request_id = stack.submit(**samples(stack))

    assert stack.finish(request_id).json()["status"] == "COMPLETED"
    result = stack.client.get(f"/v2/requests/{request_id}").json()
    assert stack.client.get(result["output"]).status_code == 200
    again = samples(stack) | {"base_image": result["output"]}
    assert stack.client.post("/v1/superimpose", json=again).status_code == 200
    assert stack.client.get("/readyz").json()["missing"] == []
    assert stack.client.get("/health").json()["workers"] != {"idle": 0, "busy": 0}


def test_a_running_request_is_stopped(stack, origin):
    path = f"/hangs.jpg?{stack.url}"
    request_id = stack.submit(**samples(stack) | {"base_image": origin.url + path})
    origin.await_request(path)

    assert stack.client.post(f"/v2/requests/{request_id}/cancel").status_code == 200
    assert stack.client.post("/v1/superimpose", json=samples(stack)).status_code == 200


def operate(url: str, data_dir: Path, *arguments: str) -> Result:
    """Run a command of the operator in this process."""
    return CliRunner(env=environment(url, data_dir)).invoke(app, arguments)


def test_keys_are_created_listed_and_revoked(url, tmp_path):
    made = operate(url, tmp_path, "keys", "create", "shop")
    key_id = made.stderr.split()[0]

    assert key_id in operate(url, tmp_path, "keys", "list").stdout
    assert operate(url, tmp_path, "keys", "revoke", key_id).exit_code == 0
    assert key_id not in operate(url, tmp_path, "keys", "list").stdout


def test_the_reconciler_ends_late_requests(stack, url, tmp_path, origin):
    settings = Settings(redis_url=url, data_dir=tmp_path)
    path = f"/hangs.jpg?late-{stack.url}"
    request_id = stack.submit(**samples(stack) | {"base_image": origin.url + path})
    origin.await_request(path)
    with connect(settings) as redis:
        redis.zadd(keyspace.DEADLINES, {request_id: 1})
        Reconciler(redis, settings).round()
        Housekeeping(redis, PictureStore.open(settings)).run_once()

    assert stack.status(request_id).json()["code"] == "timeout"
    origin.release.set()
    origin.release.clear()


def test_the_health_check_of_the_workers_container_passes(stack):
    (*_, script) = SERVICES["worker"]["healthcheck"]["test"]

    subprocess.run([sys.executable, "-c", script], env=dict(stack.env), capture_output=True, check=True)


@pytest.mark.parametrize(
    "command",
    [
        "FLUSHALL",
        "FLUSHDB",
        "KEYS *",
        "CONFIG GET *",
        "CONFIG SET dir /tmp",
        "MODULE LOAD /tmp/x.so",
        "DEBUG SLEEP 0",
        "SHUTDOWN NOSAVE",
        "ACL LIST",
        "ACL SETUSER x",
        "REPLICAOF 127.0.0.1 1",
        "MIGRATE 127.0.0.1 1 rq:x 0 1",
        "MONITOR",
        "CLIENT KILL ID 1",
        "GET other",
        "SET other 1",
        "PUBLISH other 1",
        "EVAL return(redis.call('get','other')) 0",
    ],
)
def test_other_commands_and_keys_are_refused(url, command):
    refusal = pytest.raises((NoPermissionError, ResponseError), match=r"permission|not allowed|can't access")
    with Redis.from_url(url) as redis, refusal:
        redis.execute_command(*command.split())


def test_no_command_of_the_service_is_refused(stack):
    stack.submit(**samples(stack))
    log = log_of(stack)

    assert "COMPLETED" in log
    assert not any(word in log for word in ("NOPERM", "permissions", "Traceback", "housekeeping failed"))


def test_a_wrong_password_is_one_sentence_that_does_not_contain_it(guarded, tmp_path):
    wrong = guarded.tls.replace(ENCODED, f"{ENCODED}-not")
    with Redis.from_url(wrong) as redis, pytest.raises(AuthenticationError):
        redis.ping()

    result = subprocess.run(
        [sys.executable, "-m", "cli", "keys", "list"],
        env=environment(wrong, tmp_path),
        capture_output=True,
        text=True,
    )

    assert result.returncode == 4
    assert result.stderr.startswith("superimpose: Redis cannot be reached: ")
    assert not any(secret in result.stderr for secret in (PASSWORD, ENCODED, "p@ss"))


def test_a_certificate_of_another_authority_is_refused(guarded, tmp_path):
    unknown = guarded.tls.partition("?")[0]

    result = subprocess.run(
        [sys.executable, "-m", "cli", "keys", "list"],
        env=environment(unknown, tmp_path),
        capture_output=True,
        text=True,
    )

    assert result.returncode == 4
    assert "CERTIFICATE_VERIFY_FAILED" in result.stderr


@pytest.mark.parametrize("arguments", [["requests", "list"], ["queue", "--once"]])
def test_the_operators_commands_work_with_these_rights(guarded, tmp_path, arguments):
    result = operate(guarded.plain, tmp_path, *arguments)

    assert (result.exit_code, result.stderr) == (0, "")


def test_the_doctor_finds_these_rights_enough(guarded, tmp_path):
    result = operate(guarded.plain, tmp_path, "doctor")

    assert "ok   redis rights" in result.stdout
    assert "ok   redis fsync        hidden by its ACL" in result.stdout
