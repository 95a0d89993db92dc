"""`superimpose up` as a stranger uses it: start, paste, look, Ctrl-C."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest
from PIL import Image

from cli.up import greeting
from tests.exposed import scrape, value
from tests.stack import free_port

PATIENCE_S = 40


class Up:
    """One run of `superimpose up` and what it printed."""

    def __init__(self, data_dir: Path, port: int) -> None:
        command = [sys.executable, "-m", "cli", "up", "--port", str(port), "--workers", "2"]
        self.process = subprocess.Popen(
            [*command, "--data-dir", str(data_dir)],
            env={**os.environ, "SUPERIMPOSE_LOG_FORMAT": "console"},  # as on a terminal
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.printed = ""
        self._greeted = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self.printed += line
                if "Ctrl-C stops everything" in line:
                    self._greeted.set()

    def greeting(self) -> str:
        assert self._greeted.wait(PATIENCE_S), self.printed
        return self.printed

    def key(self) -> str:
        return re.search(r"key\s+(si_\w+)", self.greeting())[1]  # type: ignore[index]

    def interrupt(self) -> int:
        self.process.send_signal(signal.SIGINT)
        status = self.process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        return status


@pytest.fixture
def up(tmp_path):
    started = []

    def up() -> Up:
        started.append(Up(tmp_path / "data", free_port()))
        return started[-1]

    yield up
    for each in started:
        if each.process.poll() is None:
            each.interrupt()


def descendants(pid: int) -> set[int]:
    """All processes below `pid`, whatever session they are in."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    pairs = [tuple(map(int, line.split())) for line in listed.splitlines()]
    below = {pid}
    while more := {child for child, parent in pairs if parent in below} - below:
        below |= more
    return below - {pid}


def test_the_greeting_links_to_no_page_that_is_not_served():
    assert "/docs" in greeting("http://here", "key", docs=True)

    without = greeting("http://here", "key", docs=False)
    assert "/docs" not in without
    assert "/#key=" not in without


@pytest.mark.skipif(not shutil.which("ps") and not os.environ.get("CI"), reason="needs ps")
def test_paste_look_and_ctrl_c(up, tmp_path, monkeypatch):
    monkeypatch.setenv("SUPERIMPOSE_METRICS", "true")
    service = up()
    printed = service.greeting()
    curl = re.search(r"^curl.*?'\n", printed, re.DOTALL | re.MULTILINE)
    assert curl is not None
    url = re.search(r"URL\s+(\S+)", printed)[1]
    assert f"Try it in a browser:  {url}/#key={service.key()}\n" in printed

    if shutil.which("curl"):
        subprocess.run(["sh", "-c", curl[0]], check=True, cwd=tmp_path)
        with Image.open(tmp_path / "cup-with-logo.jpg") as picture:
            assert (picture.format, picture.size) == ("JPEG", (600, 400))
        counted = scrape(f"{url}/metrics")  # by the API and by both workers
        assert value(counted, "requests_accepted_total") == 1
        assert value(counted, "requests_finished_total", status="COMPLETED", code="") == 1
    elif os.environ.get("CI"):
        pytest.fail("needs curl")
    processes = descendants(service.process.pid)
    assert len(processes) >= 6  # Redis, API, two workers with a child each

    assert service.interrupt() == 0

    assert not [pid for pid in processes if Path(f"/proc/{pid}").exists()]
    assert "Traceback" not in service.printed
    assert re.search(r"^worker-\d\s*\| .*COMPLETED", service.printed, re.MULTILINE)


def test_accepted_requests_survive_a_restart(up):
    first = up()
    url = re.search(r"URL\s+(\S+)", first.greeting())[1]
    body = {"base_image": f"{url}/samples/cup.jpg", "overlay_image": f"{url}/samples/logo.png"}
    headers = {"x-api-key": first.key()}
    with httpx.Client(base_url=url, headers=headers, trust_env=False) as client:
        accepted = [client.post("/v2/superimpose", json=body).json()["request_id"] for _ in range(60)]
    first.interrupt()

    second = up()
    assert second.key() == first.key()
    url = re.search(r"URL\s+(\S+)", second.greeting())[1]
    with httpx.Client(base_url=url, headers=headers, trust_env=False) as client:
        deadline = time.monotonic() + PATIENCE_S
        for request_id in accepted:
            while (status := client.get(f"/v2/requests/{request_id}/status").json()["status"]) != "COMPLETED":
                assert status in ("QUEUED", "PROCESSING")
                assert time.monotonic() < deadline, f"{request_id} is {status}"
                time.sleep(0.05)


def test_a_job_that_takes_too_long_for_ctrl_c_is_given_back_and_nobody_is_killed(up, origin, monkeypatch):
    monkeypatch.setenv("SUPERIMPOSE_FETCH_ALLOW", "127.0.0.1/32")
    service = up()
    url = re.search(r"URL\s+(\S+)", service.greeting())[1]
    path = "/hangs.jpg?ctrl-c"
    body = {"base_image": origin.url + path, "overlay_image": f"{url}/samples/logo.png"}
    httpx.post(f"{url}/v2/superimpose", json=body, headers={"x-api-key": service.key()}, trust_env=False)
    origin.await_request(path)

    assert service.interrupt() == 0

    assert "given back: the worker stops" in service.printed
    assert "killed" not in service.printed


def test_a_port_in_use_is_refused_in_one_sentence(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = Up(tmp_path, port)
        assert refused.process.wait(PATIENCE_S) == 1

    refused._reader.join(PATIENCE_S)
    assert f"cannot listen on 127.0.0.1:{port}" in refused.printed
    assert "--port" in refused.printed
    assert "Traceback" not in refused.printed


def test_a_second_up_on_the_same_data_is_refused_in_one_sentence(up):
    up().greeting()

    second = up()

    assert second.process.wait(PATIENCE_S) == 1
    second._reader.join(PATIENCE_S)
    assert "another `superimpose up` is using" in second.printed
    assert "Traceback" not in second.printed


def test_a_data_directory_that_cannot_be_made_is_one_sentence():
    command = [sys.executable, "-m", "cli", "up", "--data-dir", "/proc/nowhere"]

    done = subprocess.run(command, capture_output=True, text=True)

    assert done.returncode == 1
    assert done.stderr.startswith("superimpose: SUPERIMPOSE_DATA_DIR cannot be used: ")
    assert done.stderr.count("\n") == 1
