"""`superimpose up` keeps accepted requests and secrets over a restart."""

import stat
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.cli.serve.events import make_event, webhook_secret
from tests.cli.serve.up import TIMEOUT_S, Up, running
from tests.origin import Origin
from tests.stack import ON_LOOPBACK
from tests.webhooks.receiver import Got, receiving

HANGING = 20


@dataclass
class Restarted:
    """What two runs printed; `ended` has the statuses of the requests that the first one accepted."""

    first: Up
    second: Up
    secrets: list[str]
    events: list[Got]
    ended: list[str]


@pytest.fixture(scope="module")
def restarted(origin: Origin, tmp_path_factory: pytest.TempPathFactory) -> Restarted:
    """Each run sends an event; requests wait for pictures while the first run is stopped."""
    data_dir = tmp_path_factory.mktemp("restart") / "data"
    settings = {"webhook_http": "true", "fetch_allow": "127.0.0.1/32"}
    with pytest.MonkeyPatch.context() as here, receiving() as receiver:
        here.setenv("SUPERIMPOSE_DATA_DIR", str(data_dir))
        secrets = []
        with running(data_dir, **settings) as first:
            make_event(first, receiver, 1)
            secrets.append(webhook_secret())
            accepted = [submit(first, f"{origin.url}/hangs.jpg?restart-{each}") for each in range(HANGING)]
            origin.await_request("/hangs.jpg?restart-0")
        origin.release.set()
        with running(data_dir, **settings) as second:
            make_event(second, receiver, 2)
            secrets.append(webhook_secret())
            ended = [status(second, each) for each in accepted]
        origin.release.clear()
    return Restarted(first, second, secrets, receiver.got, ended)


def submit(service: Up, base: str) -> str:
    body = {"base_image": base, "overlay_image": f"{service.url}/samples/logo.png"}
    answer = httpx.post(
        f"{service.url}/v2/superimpose", json=body, headers={"x-api-key": service.key()}, **ON_LOOPBACK
    )
    return str(answer.raise_for_status().json()["request_id"])


def status(service: Up, request_id: str) -> str:
    """The rest of the output."""
    url = f"{service.url}/v2/requests/{request_id}/status?wait=25"
    answer = httpx.get(url, headers={"x-api-key": service.key()}, timeout=TIMEOUT_S, **ON_LOOPBACK)
    return str(answer.json()["status"])


def test_accepted_requests_survive_a_restart(restarted):
    assert restarted.second.key() == restarted.first.key()
    assert restarted.ended == ["COMPLETED"] * HANGING


def test_a_job_that_outlasts_the_grace_period_is_given_back_and_no_process_killed(restarted):
    assert restarted.first.process.returncode == 0
    assert "given back, uncounted" in restarted.first.printed
    assert "killed" not in restarted.first.printed


def test_resumed_requests_are_reported_before_the_workers_start(restarted):
    printed = restarted.second.printed

    assert f"Resuming {HANGING} requests accepted before" in printed
    assert "worker-" not in printed.partition("Superimpose is up")[0]


def test_events_are_signed_with_the_same_secret_after_a_restart(restarted):
    first, second = restarted.secrets
    kept: Path = restarted.first.data_dir / "webhook-secret"

    assert first == second
    assert all(event.is_signed_with(first) for event in restarted.events)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert kept.read_text() not in restarted.first.printed + restarted.second.printed


def test_both_runs_end_without_a_traceback(restarted):
    assert restarted.second.process.returncode == 0
    assert "Traceback" not in restarted.first.printed + restarted.second.printed
