"""`superimpose up` keeps accepted requests and secrets, however it is stopped."""

import re
import signal
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from cli.serve.up_file import RunningUp, running_up
from tests.cli.serve.up import TIMEOUT_S, Up, make_event, running, webhook_secret
from tests.origin import Origin
from tests.processes import await_no_process, await_processes, descendants
from tests.stack import ON_LOOPBACK
from tests.webhooks.receiver import Receiver, receiving

HANGING = 20
SETTINGS = {"webhook_http": "true", "fetch_allow": "127.0.0.1/32"}
PROCESSES = 5  # Redis, API, webhooks, a worker with its child


@dataclass
class Runs:
    """Three runs on one data directory, stopped by Ctrl-C, by SIGKILL, and by pressing Ctrl-C again.

    Requests wait for pictures when the first and the third are stopped; `ended` has the statuses of those
    that the first one accepted.
    """

    data_dir: Path
    origin: Origin
    receiver: Receiver
    runs: list[Up] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    left: set[int] = field(default_factory=set)
    described: list[RunningUp | None] = field(default_factory=list)
    has_file: list[bool] = field(default_factory=list)

    def run(self, use: Callable[[Up], None]) -> None:
        """Start `up`, use and stop it, and look at what it leaves."""
        with running(self.data_dir, **SETTINGS) as service:
            self.runs.append(service)
            self.described.append(running_up(self.data_dir))
            use(service)
        self.has_file.append((self.data_dir / "up.json").exists())
        self.described.append(running_up(self.data_dir))

    def make_event(self, service: Up) -> None:
        make_event(service, self.receiver, len(self.runs))
        self.secrets.append(webhook_secret())

    def stop_while_requests_hang(self, service: Up) -> None:
        self.make_event(service)
        self.accepted = [
            submit(service, f"{self.origin.url}/hangs.jpg?restart-{each}") for each in range(HANGING)
        ]
        self.origin.await_request("/hangs.jpg?restart-0")
        below = descendants(service.process.pid)
        assert len(below) == PROCESSES
        service.interrupt()
        self.left = {pid for pid in below if Path(f"/proc/{pid}").exists()}

    def finish_and_kill(self, service: Up) -> None:
        self.make_event(service)
        self.ended = [status(service, each) for each in self.accepted]
        await_processes(service.process.pid, PROCESSES)
        below = descendants(service.process.pid)
        service.process.kill()
        service.wait()
        await_no_process(below)

    def stop_at_the_second_signal(self, service: Up) -> None:
        submit(service, f"{self.origin.url}/hangs.jpg?restart-again")
        self.origin.await_request("/hangs.jpg?restart-again")
        service.process.send_signal(signal.SIGINT)
        service.await_line("main     | stopping")
        deadline = time.monotonic() + TIMEOUT_S
        while "killed at the second signal" not in service.printed:
            assert time.monotonic() < deadline, service.printed
            service.process.send_signal(signal.SIGINT)
            time.sleep(0.2)
        service.wait()


@pytest.fixture(scope="module")
def runs(origin: Origin, tmp_path_factory: pytest.TempPathFactory) -> Runs:
    data_dir = tmp_path_factory.mktemp("restart") / "data"
    with pytest.MonkeyPatch.context() as here, receiving() as receiver:
        here.setenv("SUPERIMPOSE_DATA_DIR", str(data_dir))
        runs = Runs(data_dir, origin, receiver)
        runs.run(runs.stop_while_requests_hang)
        origin.release.set()
        runs.run(runs.finish_and_kill)
        origin.release.clear()
        runs.run(runs.stop_at_the_second_signal)
    return runs


def submit(service: Up, base: str) -> str:
    body = {"base_image": base, "overlay_image": f"{service.url}/samples/logo.png"}
    answer = httpx.post(
        f"{service.url}/v2/superimpose", json=body, headers={"x-api-key": service.key()}, **ON_LOOPBACK
    )
    return str(answer.raise_for_status().json()["request_id"])


def status(service: Up, request_id: str) -> str:
    """The status of the request once it has ended."""
    url = f"{service.url}/v2/requests/{request_id}/status?wait=25"
    answer = httpx.get(url, headers={"x-api-key": service.key()}, timeout=TIMEOUT_S, **ON_LOOPBACK)
    return str(answer.json()["status"])


def test_ctrl_c_stops_everything(runs):
    first = runs.runs[0]

    assert first.process.returncode == 0
    assert runs.left == set()
    assert re.search(r"^worker-1 *\| .* COMPLETED in ", first.printed, re.MULTILINE)
    assert "main     | stopping" in first.printed
    assert first.printed.endswith("accepted requests are kept for the next start\n")
    assert not runs.has_file[0]


def test_accepted_requests_survive_a_restart(runs):
    first, second, _ = runs.runs

    assert second.key() == first.key()
    assert runs.ended == ["COMPLETED"] * HANGING


def test_a_job_that_outlasts_the_grace_period_is_given_back_and_no_process_killed(runs):
    assert "given back, uncounted" in runs.runs[0].printed
    assert "killed" not in runs.runs[0].printed


def test_resumed_requests_are_reported_before_the_workers_start(runs):
    printed = runs.runs[1].printed

    assert f"Resuming {HANGING} requests accepted before" in printed
    assert "worker-" not in printed.partition("Superimpose is up")[0]


def test_events_are_signed_with_the_same_secret_after_a_restart(runs):
    first, second = runs.secrets
    kept = runs.data_dir / "webhook-secret"

    assert first == second
    assert all(event.is_signed_with(first) for event in runs.receiver.got)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert not any(kept.read_text() in run.printed for run in runs.runs)


def test_killing_it_leaves_no_process_and_it_can_be_started_again(runs):
    third = runs.runs[2]
    running = [RunningUp(run.process.pid, run.url, has_own_secret=True) for run in runs.runs]

    assert runs.described == [running[0], None, running[1], None, running[2], None]
    assert runs.has_file[1], "the killed one could not delete it"
    assert "Superimpose is up" in third.printed


def test_a_second_ctrl_c_stops_at_once(runs):
    assert "killed at the second signal" in runs.runs[2].printed
    assert runs.runs[2].process.returncode == 0


def test_no_run_prints_a_traceback(runs):
    assert not any("Traceback" in run.printed for run in runs.runs)
