"""`superimpose up` as a new user runs it: start, paste the request, look at the result, Ctrl-C."""

import fcntl
import os
import pty
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import termios
from pathlib import Path

import httpx
import pytest
from PIL import Image
from typer.testing import CliRunner

from cli.main import app
from cli.serve.up import greeting
from tests.cli.serve.up import TIMEOUT_S, Up, arguments, make_a_picture, running
from tests.exposed import scrape, value
from tests.origin import CUP, LOGO
from tests.processes import await_no_process, await_processes, descendants
from tests.redis.sentinels import until
from tests.stack import ON_LOOPBACK, await_http, free_port

FILLS_A_PAGE = 100  # lines of log
ROOT = Path(__file__).parents[3]
CLI = (sys.executable, "-m", "cli")


def test_the_greeting_does_not_link_to_pages_that_are_not_served():
    assert "/docs" in greeting("http://here", "key", docs=True)

    without = greeting("http://here", "key", docs=False)
    assert "/docs" not in without
    assert "/#key=" not in without


def test_a_port_in_use_is_refused_in_one_sentence(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = Up(tmp_path, port)
        assert refused.wait() == 1

    assert f"cannot listen on 127.0.0.1:{port}" in refused.printed
    assert "--port" in refused.printed
    assert "Traceback" not in refused.printed


@pytest.fixture(scope="module")
def standing(tmp_path_factory):
    """A running `up` with two workers in a folder with an unusual name."""
    data_dir = tmp_path_factory.mktemp("up") / "a b#c?%20d==" / "data"
    with running(data_dir, workers=2, metrics="true") as standing:
        yield standing


@pytest.mark.skipif(not shutil.which("curl") and not os.environ.get("CI"), reason="needs curl")
def test_the_request_of_the_greeting_makes_a_picture(standing, tmp_path):
    printed = standing.greeting()
    curl = re.search(r"^curl.*?'\n", printed, re.DOTALL | re.MULTILINE)
    assert curl is not None
    url = re.search(r"URL\s+(\S+)", printed)[1]
    accepted = value(scrape(f"{url}/metrics"), "requests_accepted_total") or 0

    subprocess.run(["sh", "-c", curl[0]], check=True, cwd=tmp_path)

    with Image.open(tmp_path / "cup-with-logo.jpg") as picture:
        assert (picture.format, picture.size) == ("JPEG", (600, 400))
    assert f"Try it in a browser:  {url}/#key={standing.key()}\n" in printed
    assert value(scrape(f"{url}/metrics"), "requests_accepted_total") == accepted + 1

    def are_counted() -> bool:
        counted = scrape(f"{url}/metrics")  # by the API and both workers
        return bool(value(counted, "requests_finished_total", status="COMPLETED", code="") == accepted + 1)

    until(are_counted, "the workers count the requests that they have reported")


def test_a_second_up_on_the_same_data_is_refused_in_one_sentence(main, standing):
    second = main("up", "--port", str(free_port()), "--data-dir", str(standing.data_dir))

    assert (second.returncode, second.stdout) == (1, "")
    assert "another `superimpose up` is using" in second.stderr
    assert f"(process {standing.process.pid}, {standing.url})" in second.stderr
    assert second.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "directory",
    ["/proc/nowhere", "/proc", "/etc/passwd/data", f"/tmp/{'x' * 300}"],
    ids=lambda path: path[:20],
)
def test_a_data_directory_that_cannot_be_used_is_one_sentence(main, directory):
    done = main("up", "--data-dir", directory)

    assert done.returncode == 2
    assert done.stderr.startswith("superimpose: SUPERIMPOSE_DATA_DIR ")
    assert "cannot be used: " in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_folder_may_have_any_name(standing):
    assert make_a_picture(standing).headers["content-type"] == "image/jpeg"


def test_it_keeps_serving_when_its_output_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setenv("SUPERIMPOSE_ACCESS_LOG", "true")
    data_dir, port = tmp_path / "unread", free_port()
    reads, writes = os.pipe()
    fcntl.fcntl(reads, fcntl.F_SETPIPE_SZ, resource.getpagesize())
    process = subprocess.Popen([*CLI, *arguments(data_dir, port)], stdout=writes, stderr=writes)
    os.close(writes)
    try:
        await_http(f"http://127.0.0.1:{port}/livez", process)
        unread = answers(port, FILLS_A_PAGE)
        os.close(reads)
        nobody_there = answers(port, FILLS_A_PAGE)
    finally:
        process.send_signal(signal.SIGINT)
        status = process.wait(TIMEOUT_S)

    assert set(unread) == set(nobody_there) == {200}
    assert status == 0


def answers(port: int, times: int) -> list[int]:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10, **ON_LOOPBACK) as client:
        return [client.get("/livez").status_code for _ in range(times)]


def test_closing_the_terminal_stops_everything_like_ctrl_c(tmp_path):
    terminal, theirs = pty.openpty()
    data_dir, port = tmp_path / "data", free_port()
    process = subprocess.Popen(
        [*CLI, *arguments(data_dir, port)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(theirs)
    await_http(f"http://127.0.0.1:{port}/livez", process)
    await_processes(process.pid, 5)  # Redis, API, webhooks, a worker with its child
    processes = descendants(process.pid)

    os.close(terminal)

    assert process.wait(TIMEOUT_S) == 0
    await_no_process(processes)
    assert not (data_dir / "up.json").exists()


def test_it_says_that_it_waits_for_redis_and_stops_at_once(tmp_path):
    service = Up(tmp_path, free_port(), redis_url="redis://127.0.0.1:1/0")
    try:
        service.await_line("main     | waiting for Redis: Error 111 connecting to 127.0.0.1:1")
    finally:
        assert service.interrupt() == 0

    assert service.printed.count("waiting for Redis") == 1
    assert "killed" not in service.printed


def test_commands_find_the_service_of_their_folder(standing, monkeypatch):
    folder = standing.data_dir.parent
    monkeypatch.chdir(folder)
    (folder / "cup.jpg").write_bytes(CUP)
    (folder / "logo.png").write_bytes(LOGO)

    ran = CliRunner().invoke(app, ["run", "--base", "cup.jpg", "--overlay", "logo.png", "-o", "out.jpg"])

    assert ran.exit_code == 0, ran.output
    assert (folder / "out.jpg").exists()


def test_a_signal_at_any_moment_stops_it():
    """Sends a signal at each line of the main thread, which would deadlock if a handler took a lock."""
    code = """
import signal, sys
from cli.serve.supervisor import Supervisor

def at_each_line(frame, event, _):
    if event == "line":
        signal.raise_signal(signal.SIGTERM)
    return at_each_line

with Supervisor(1) as supervisor:
    sys.settrace(at_each_line)
    supervisor.run()
    supervisor.say("done")
    sys.settrace(None)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=TIMEOUT_S, cwd=ROOT
    )

    assert done.returncode == 0, done.stderr
    assert "done" in done.stdout
