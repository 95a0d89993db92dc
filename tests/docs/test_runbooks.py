"""Commands of runbooks that read logs or ask Redis, each run against its fault.

They need `docker compose`, so only their filters and `redis-cli` commands are run: on real logs, and on a
Redis with the stack's options.
"""

import json
import os
import re
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from redis import Redis

from jobs import keyspace
from tests.chaos.process_table import children
from tests.docs.pages import PAGES
from tests.origin import Origin
from tests.redis import guarded_redis
from tests.stack import Stack, empty_database, environment, free_port, running

PATIENCE_S = 90
LOGS = re.compile(r"docker compose logs ([a-z -]+?) \| (grep (?:'[^']*'|[^\s`]+))")
"""The services whose logs a command shows, and its filter."""
SAMPLE_ID = "7ab5b46d-74c2-47fb-adef-0e32c65721a2"


@dataclass
class Faults:
    """Ids of requests by their fault, and the log of each service."""

    ids: dict[str, str]
    logs: dict[str, str]


def log_commands() -> list[tuple[str, str, str]]:
    """Page, services and filter of each command that filters logs."""
    return [(page.name, *found) for page in PAGES for found in LOGS.findall(text_of(page))]


def text_of(page: Path) -> str:
    """The page with the escaped pipes of tables as plain ones."""
    return page.read_text().replace(r"\|", "|")


@pytest.fixture(scope="module")
def faults(redis_socket: Path, origin: Origin, tmp_path_factory: pytest.TempPathFactory) -> Faults:
    """A service with a full store, a killed child process, a damaged record and a receiver that is away."""
    folder = tmp_path_factory.mktemp("faults")
    url = empty_database(redis_socket, 10)
    settings = {
        "log_format": "json",
        "fetch_allow": "127.0.0.1/32",
        "max_attempts": 1,
        "webhook_secret": "a-master-secret-of-32-characters",
        "webhook_http": True,
    }
    env = environment(url, folder / "data", storage_url=f"file://{folder}/store", **settings)
    logs = {name: folder / f"{name}.log" for name in ("api", "worker", "webhooks")}
    with (
        logs["api"].open("wb") as of_api,
        logs["worker"].open("wb") as of_worker,
        logs["webhooks"].open("wb") as of_webhooks,
        running(env, workers=0, log=of_api) as stack,
    ):
        stack.log = of_webhooks
        stack.start("cli", "webhooks")
        stack.log = of_worker
        worker = stack.start("cli", "worker", "--workers", "1")
        samples = dict.fromkeys(("base_image", "overlay_image"), f"{stack.url}/samples/cup.jpg")
        ids = {"completed": stack.submit(**samples)}
        stack.finish(ids["completed"], PATIENCE_S)
        outputs = folder / "store" / "outputs"
        outputs.rename(folder / "away")
        outputs.write_text("")  # root may write to what is read-only
        ids["internal"] = stack.submit(**samples)
        stack.finish(ids["internal"], PATIENCE_S)
        outputs.unlink()
        ids["fetch_failed"] = stack.submit(**samples | {"mask": f"{origin.url}/page.html"})
        stack.finish(ids["fetch_failed"], PATIENCE_S)
        path = "/hangs.jpg?runbook"
        ids["worker_lost"] = stack.submit(**samples | {"mask": origin.url + path})
        origin.await_request(path)
        for process in children(worker.pid):
            for child in children(process):
                os.kill(child, signal.SIGKILL)
        stack.finish(ids["worker_lost"], PATIENCE_S)
        ids["receiver_away"] = stack.submit(**samples, webhook_url=f"http://127.0.0.1:{free_port()}/hook")
        await_attempt(stack, ids["receiver_away"])
        with Redis.from_url(url) as redis:
            redis.hset(keyspace.request(ids["completed"]), "params", "{no JSON")
        assert stack.client.get(f"/v2/requests/{ids['completed']}").status_code == 500
    return Faults(ids, {name: path.read_text() for name, path in logs.items()})


def await_attempt(stack: Stack, request_id: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not stack.client.get(f"/v2/requests/{request_id}/webhook").json()["attempts"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


REQUESTS_FOUND = {
    'grep \'"status": "FAILED"\'': ("internal", "fetch_failed", "worker_lost"),
    'grep \'"level": "error"\'': ("completed",),
    "grep 'attempt [0-9]* failed'": ("internal",),
    "grep worker_lost": ("worker_lost",),
    "grep 'at its event failed'": ("receiver_away",),
    'grep \'"logger": "superimpose.fetch"\'': ("fetch_failed",),
    f"grep {SAMPLE_ID}": ("completed",),
}
"""The requests of which each filter shows a line."""


def test_no_command_that_filters_logs_is_left_out():
    """Indented and inline ones included, which other tests do not run."""
    text = "".join(map(text_of, PAGES))

    assert len(re.findall(r"docker compose logs [^`\n]*\|", text)) == len(log_commands())


@pytest.mark.parametrize(("page", "services", "filter"), log_commands())
def test_a_filter_of_logs_shows_its_fault(faults, page, services, filter):
    assert "--no-log-prefix" in services, f"{page}: a line would not be JSON"
    shown = filter.replace(SAMPLE_ID, faults.ids["completed"])
    log = "".join(faults.logs[service] for service in services.split() if not service.startswith("-"))

    lines = subprocess.run(["sh", "-c", shown], input=log, capture_output=True, text=True, check=True).stdout

    for code in REQUESTS_FOUND[filter]:
        assert faults.ids[code] in lines, log
    assert len(lines.splitlines()) < len(log.splitlines())


def test_every_final_failure_is_an_error_with_its_code(faults):
    lines = [json.loads(line) for line in faults.logs["worker"].splitlines()]

    for code in ("internal", "fetch_failed", "worker_lost"):
        (line,) = [each for each in lines if each.get("request_id") == faults.ids[code] and "status" in each]
        assert (line["level"], line["status"], line["code"]) == ("error", "FAILED", code)


REDIS_COMMANDS = re.compile(
    r"docker compose exec (?:-T )?redis (redis-cli [a-z]+(?: [a-z]+)*)(?: \| (grep [^\s`]+))?"
)


@pytest.fixture(scope="module")
def stacks_redis(tmp_path_factory):
    with guarded_redis.serving(tmp_path_factory.mktemp("runbook")) as redis:
        yield redis


@pytest.mark.parametrize(
    ("page", "command", "filter"),
    [(page.name, *found) for page in PAGES for found in REDIS_COMMANDS.findall(text_of(page))],
)
def test_the_acl_of_redis_allows_the_commands(stacks_redis, page, command, filter):
    port = urlsplit(stacks_redis.plain).port
    command = command.replace("redis-cli", f"redis-cli -p {port}") + (f" | {filter}" if filter else "")

    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True)

    assert done.stdout, page
    assert not re.search("NOPERM|^ERR", done.stdout), done.stdout
