"""What a Prometheus sees of a real stack after known work, at the API and at the workers' port."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.exposed import Samples, scrape, value
from tests.missing import missing
from tests.processes import descendants
from tests.redis.sentinels import until
from tests.stack import Stack, await_http, empty_database, environment, free_port, running

COMPLETED = 4
NAMES = {
    "http_requests_total",
    "http_request_seconds_count",
    "requests_accepted_total",
    "requests_finished_total",
    "stage_seconds_count",
    "cache_hits_total",
    "cache_misses_total",
    "credits_total",
    "redeliveries_total",
    "requests_waiting",
    "requests_processing",
    "oldest_waiting_seconds",
    "workers",
    "redis_up",
    "redis_seconds_count",
    "redis_memory_bytes",
    "redis_memory_max_bytes",
    "build_info",
    "webhook_attempts_total",
    "webhook_attempt_seconds_count",
    "webhook_events_total",
    "webhook_oldest_due_seconds",
}
GAUGES = {
    "requests_waiting",
    "requests_processing",
    "oldest_waiting_seconds",
    "webhook_oldest_due_seconds",
    "workers",
}


@pytest.fixture(scope="module")
def stack(redis_socket, tmp_path_factory):
    """An API that counts in its own memory, and two workers with one port for both."""
    port = free_port()
    env = environment(
        empty_database(redis_socket, 12),
        tmp_path_factory.mktemp("metrics"),
        fetch_allow="127.0.0.1/32",
        fetch_timeout_s=25,
        metrics="true",
        metrics_port=port,
    )
    with running(env, workers=0) as stack:
        stack.start("cli", "worker", "--workers", "2")
        await_http(f"http://127.0.0.1:{port}/metrics", stack.processes[-1])
        yield stack


def at_workers(stack: Stack) -> str:
    return f"http://127.0.0.1:{stack.env['SUPERIMPOSE_METRICS_PORT']}/metrics"


@pytest.fixture(scope="module")
def worked(stack, origin):
    """The stack after four pictures, one failure and one cancelled request, and what it shows then."""
    samples = {"base_image": f"{origin.url}/public.jpg", "overlay_image": f"{stack.url}/samples/logo.png"}
    for _ in range(COMPLETED):
        assert stack.finish(stack.submit(**samples)).json()["status"] == "COMPLETED"
    failed = stack.finish(stack.submit(**samples | {"base_image": f"{origin.url}/text.png"}))
    assert failed.json()["code"] == "invalid_image"
    hangs = stack.submit(**samples | {"base_image": f"{origin.url}/hangs.jpg?metrics"})
    origin.await_request("/hangs.jpg?metrics")
    busy = scrape(f"{stack.url}/metrics")
    assert stack.client.post(f"/v2/requests/{hangs}/cancel").status_code == 200
    assert stack.client.get("/no/such/path").status_code == 404
    return stack, busy


def test_all_metrics_have_help_and_only_the_api_shows_the_queue(worked):
    stack, _ = worked
    api, workers = scrape(f"{stack.url}/metrics"), scrape(at_workers(stack))

    assert {f"superimpose_{name}" for name in NAMES} <= {name for name, _ in api}
    assert not {f"superimpose_{name}" for name in GAUGES} & {name for name, _ in workers}
    text = stack.client.get("/metrics").text
    assert "# HELP superimpose_workers Live workers by state." in text
    assert "# TYPE superimpose_stage_seconds histogram" in text


def test_the_api_counts_its_calls(worked):
    stack, _ = worked
    api = scrape(f"{stack.url}/metrics")

    submit = {"route": "/v2/superimpose", "method": "POST", "code": "200"}
    assert value(api, "http_requests_total", **submit) == COMPLETED + 2
    assert value(api, "http_request_seconds_count", route="/v2/superimpose") == COMPLETED + 2
    assert value(api, "http_requests_total", route="unmatched", method="GET", code="404") == 1
    assert value(api, "http_requests_total", **submit | {"route": "/v2/requests/{request_id}/cancel"}) == 1
    assert value(api, "requests_accepted_total") == COMPLETED + 2
    assert value(api, "requests_finished_total", status="FAILED", code="cancelled") == 1
    assert value(api, "redis_up") == 1
    assert value(api, "redis_memory_bytes") > 0


def test_the_state_of_the_queue_is_current(worked):
    stack, busy = worked
    assert value(busy, "requests_processing") == 1
    assert value(busy, "workers", state="busy") == 1
    assert value(busy, "workers", state="idle") == 1

    idle = scrape(f"{stack.url}/metrics")

    assert value(idle, "requests_processing") == 0
    assert value(idle, "requests_waiting") == 0
    assert value(idle, "workers", state="busy") == 0


def test_the_counts_of_workers_are_summed_also_after_one_was_killed(worked):
    stack, _ = worked
    before = scrape(at_workers(stack))
    assert value(before, "requests_finished_total", status="COMPLETED", code="") == COMPLETED
    assert value(before, "requests_finished_total", status="FAILED", code="invalid_image") == 1
    assert value(before, "stage_seconds_count", stage="compose") == COMPLETED
    assert value(before, "stage_seconds_count", stage="total") == COMPLETED + 1
    assert (
        value(before, "cache_hits_total", cache="http") >= COMPLETED - 2
    )  # two that fetch at once both miss
    assert value(before, "cache_misses_total", cache="decoded") >= 2

    for worker in workers_of(stack):
        os.kill(worker, signal.SIGKILL)
        assert counts(scrape(at_workers(stack))) == counts(before)


def test_a_restarted_worker_continues_its_counts(worked, origin):
    stack, _ = worked
    before = value(scrape(at_workers(stack)), "requests_finished_total", status="COMPLETED", code="")

    logo = f"{stack.url}/samples/logo.png"
    stack.finish(stack.submit(base_image=f"{origin.url}/public.jpg", overlay_image=logo))

    def finished() -> float:
        return value(scrape(at_workers(stack)), "requests_finished_total", status="COMPLETED", code="")

    until(
        lambda: finished() == before + 1, "the worker counts it, which is after the client may read its end"
    )


def test_promtool_accepts_all_metrics(worked):
    stack, _ = worked
    promtool = shutil.which("promtool")
    if promtool is None:
        message = "no promtool on PATH (apt install prometheus)"
        missing(message)

    for url in (f"{stack.url}/metrics", at_workers(stack)):
        text = httpx.get(url, trust_env=False, verify=False).text
        checked = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True)
        assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def counts(found: Samples) -> Samples:
    """What does not go on by itself, as talking with Redis does."""
    return {key: each for key, each in found.items() if "redis_seconds" not in key[0]}


def workers_of(stack: Stack) -> list[int]:
    """Process ids of `python -m worker`."""
    commands = {
        pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in descendants(stack.processes[-1].pid)
    }
    return [pid for pid, command in commands.items() if command.endswith(b"-m\0worker\0")]
