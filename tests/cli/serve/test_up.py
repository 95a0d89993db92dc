"""`superimpose up` as a new user runs it: start, paste the request, look at the result, Ctrl-C."""

import fcntl
import os
import pty
import re
import shutil
import signal
import socket
import subprocess
import sys
import termios
import time
from pathlib import Path

import httpx
import pytest
from PIL import Image
from typer.testing import CliRunner

from cli.main import app
from cli.serve.up import greeting
from cli.serve.up_file import RunningUp, running_up
from tests.cli.serve.up import TIMEOUT_S, Up, command, make_a_picture, running
from tests.exposed import scrape, value
from tests.origin import CUP, LOGO
from tests.processes import await_no_process, await_processes, descendants
from tests.redis.sentinels import until
from tests.stack import ON_LOOPBACK, await_http, free_port

FILLS_A_PIPE = 1000  # lines of log; a pipe holds 64 KiB
ROOT = Path(__file__).parents[3]


def test_the_greeting_does_not_link_to_pages_that_are_not_served():
    assert "/docs" in greeting("http://here", "key", docs=True)

    without = greeting("http://here", "key", docs=False)
    assert "/docs" not in without
    assert "/#key=" not in without


@pytest.mark.skipif(not shutil.which("ps") and not os.environ.get("CI"), reason="needs ps")
def test_the_greeting_s_request_works_and_ctrl_c_stops_everything(up, tmp_path, monkeypatch):
    monkeypatch.setenv("SUPERIMPOSE_METRICS", "true")
    service = up(workers=2)
    printed = service.greeting()
    curl = re.search(r"^curl.*?'\n", printed, re.DOTALL | re.MULTILINE)
    assert curl is not None
    url = re.search(r"URL\s+(\S+)", printed)[1]
    assert f"Try it in a browser:  {url}/#key={service.key()}\n" in printed

    if shutil.which("curl"):
        subprocess.run(["sh", "-c", curl[0]], check=True, cwd=tmp_path)
        with Image.open(tmp_path / "cup-with-logo.jpg") as picture:
            assert (picture.format, picture.size) == ("JPEG", (600, 400))
        assert value(scrape(f"{url}/metrics"), "requests_accepted_total") == 1

        def is_counted() -> bool:
            counted = scrape(f"{url}/metrics")  # counted by the API and both workers
            return bool(value(counted, "requests_finished_total", status="COMPLETED", code="") == 1)

        until(is_counted, "the worker counts a request that it has reported")
    elif os.environ.get("CI"):
        pytest.fail("needs curl")
    processes = descendants(service.process.pid)
    assert len(processes) >= 7  # Redis, API, webhooks, two workers with a child each

    assert service.interrupt() == 0

    assert not [pid for pid in processes if Path(f"/proc/{pid}").exists()]
    assert "Traceback" not in service.printed
    assert re.search(r"^worker-\d\s*\| .*COMPLETED", service.printed, re.MULTILINE)
    assert "main     | stopping" in service.printed
    assert service.printed.endswith("accepted requests are kept for the next start\n")
    assert not (service.data_dir / "up.json").exists()


def test_a_port_in_use_is_refused_in_one_sentence(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = Up(tmp_path, port)
        assert refused.process.wait(TIMEOUT_S) == 1

    refused._reader.join(TIMEOUT_S)
    assert f"cannot listen on 127.0.0.1:{port}" in refused.printed
    assert "--port" in refused.printed
    assert "Traceback" not in refused.printed


@pytest.fixture(scope="module")
def standing(tmp_path_factory):
    """A running `up` in a folder with an unusual name."""
    with running(tmp_path_factory.mktemp("up") / "a b#c?%20d==" / "data") as standing:
        yield standing


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


def test_it_keeps_serving_when_its_output_is_not_read(up, tmp_path, monkeypatch):
    monkeypatch.setenv("SUPERIMPOSE_ACCESS_LOG", "true")
    data_dir, port = tmp_path / "unread", free_port()
    reads, writes = os.pipe()
    process = subprocess.Popen(command(data_dir, port), stdout=writes, stderr=writes)
    os.close(writes)
    try:
        await_http(f"http://127.0.0.1:{port}/livez", process)
        unread = answers(port, FILLS_A_PIPE)
        os.close(reads)
        nobody_there = answers(port, FILLS_A_PIPE)
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
        command(data_dir, port),
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


def test_killing_it_leaves_no_process_and_it_can_be_started_again(up):
    killed = up()
    killed.greeting()
    await_processes(killed.process.pid, 5)
    processes = descendants(killed.process.pid)

    killed.process.kill()
    killed.process.wait()

    await_no_process(processes)
    assert running_up(killed.data_dir) is None
    assert (killed.data_dir / "up.json").exists()
    again = up()
    again.greeting()
    assert running_up(again.data_dir) == RunningUp(again.process.pid, again.url, has_own_secret=True)


def test_it_says_that_it_waits_for_redis_and_stops_at_once(up, monkeypatch):
    monkeypatch.setenv("SUPERIMPOSE_REDIS_URL", "redis://127.0.0.1:1/0")
    service = up()
    service.await_line("main     | waiting for Redis: Error 111 connecting to 127.0.0.1:1")

    assert service.interrupt() == 0
    assert service.printed.count("waiting for Redis") == 1
    assert "killed" not in service.printed


def test_a_second_ctrl_c_stops_at_once(up, origin, monkeypatch):
    monkeypatch.setenv("SUPERIMPOSE_FETCH_ALLOW", "127.0.0.1/32")
    service = up()
    path = "/hangs.jpg?second-ctrl-c"
    body = {"base_image": origin.url + path, "overlay_image": f"{service.url}/samples/logo.png"}
    headers = {"x-api-key": service.key()}
    httpx.post(f"{service.url}/v2/superimpose", json=body, headers=headers, **ON_LOOPBACK)
    origin.await_request(path)

    service.process.send_signal(signal.SIGINT)
    service.await_line("main     | stopping")
    deadline = time.monotonic() + TIMEOUT_S
    while "killed at the second signal" not in service.printed:
        assert time.monotonic() < deadline, service.printed
        service.process.send_signal(signal.SIGINT)
        time.sleep(0.2)

    assert service.process.wait(TIMEOUT_S) == 0


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
