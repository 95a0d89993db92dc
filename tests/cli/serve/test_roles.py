"""`superimpose worker` and `superimpose api`, run separately as in containers."""

import fcntl
import os
import re
import resource
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from cli.serve.redis_server import server_command
from tests.cli.command import Command
from tests.processes import await_no_process, await_processes, descendants
from tests.redis.way import Way
from tests.stack import KEY, ON_LOOPBACK, await_http, empty_database, environment, free_port

FILLS_A_PAGE = 100  # lines of log


def test_both_roles_wait_for_redis_work_and_stop_on_sigterm_without_a_traceback(tmp_path):
    socket = tmp_path / "redis.sock"
    env = environment(f"unix://{socket}", tmp_path / "data")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    api, workers = Command(env, "api", "--port", str(port)), Command(env, "worker", "--workers", "2")
    message = [process.stdout.readline() for process in (api, workers)]
    redis = subprocess.Popen(server_command(tmp_path, socket), stdout=subprocess.DEVNULL)
    printed = {}
    try:
        await_http(f"{url}/livez", api)
        made = make_a_picture(url)
        await_processes(workers.pid, 4)  # two workers, each with its child
        below = descendants(workers.pid)
    finally:
        for name, process in (("api", api), ("workers", workers)):
            process.send_signal(signal.SIGTERM)
            printed[name] = process.communicate(timeout=30)[0]
        redis.terminate()
        redis.wait(30)

    assert all("Redis cannot be reached, trying again" in line for line in message)
    assert made == 200
    assert workers.returncode == 0
    assert api.returncode == -signal.SIGTERM  # uvicorn finishes, then ends by the signal it got
    assert "COMPLETED" in printed["workers"]
    assert f"answering at {url}\n" in printed["api"]
    assert not any("Traceback" in text for text in printed.values())
    assert not [pid for pid in below if Path(f"/proc/{pid}").exists()]


def make_a_picture(url: str) -> int:
    """The status of the response."""
    body = {"base_image": f"{url}/samples/cup.jpg", "overlay_image": f"{url}/samples/logo.png"}
    return httpx.post(
        f"{url}/v1/superimpose", json=body, headers={"x-api-key": KEY}, timeout=30, **ON_LOOPBACK
    ).status_code


def test_a_bad_setting_is_one_sentence_that_names_it(main):
    done = main("worker", SUPERIMPOSE_FETCH_ALLOW="10.0.0.0/99")

    assert done.returncode == 2
    assert done.stderr.startswith("superimpose: SUPERIMPOSE_FETCH_ALLOW")
    assert done.stderr.count("\n") == 1


WRONG = {
    "SUPERIMPOSE_REDIS_URL": "redis://:p/w@host:6379/0",
    "SUPERIMPOSE_FORMATS": "JPG",
    "SUPERIMPOSE_FETCH_PORTS": "http",
    "SUPERIMPOSE_FETCH_HOSTS": "bad host!",
    "SUPERIMPOSE_WORKRES": "3",
}


@pytest.mark.parametrize(
    "command",
    [
        ("api",),
        ("api", "--api-workers", "2"),
        ("worker",),
        ("up",),
        ("keys", "list"),
        ("requests", "list"),
        ("queue", "--once"),
    ],
)
def test_every_role_and_command_names_all_bad_settings_and_ends_with_status_2(main, command):
    names_all_bad_settings(main(*command, **WRONG))


@pytest.mark.parametrize("command", [("cli", "worker"), ("worker",)])
def test_a_process_names_all_bad_settings_and_ends_with_status_2(command):
    command = [sys.executable, "-m", *command]

    names_all_bad_settings(subprocess.run(command, env=os.environ | WRONG, capture_output=True, text=True))


def names_all_bad_settings(done) -> None:
    assert done.returncode == 2
    assert done.stdout == ""
    for name in WRONG:
        assert name in done.stderr
    assert len(done.stderr.splitlines()) == 5
    assert "p/w" not in done.stderr


@pytest.mark.parametrize("role", ["api", "worker", "up"])
def test_a_redis_that_is_too_old_is_one_sentence_from_every_role(redis_socket, tmp_path, role):
    with Way(redis_socket).serving() as way:
        way.rewritten = lambda answer: re.sub(rb"(version\r\n\$\d+\r\n)\d", rb"\g<1>6", answer)
        env = environment(f"redis://127.0.0.1:{way.port}/6", tmp_path)
        number = ("--workers", "1") if role == "worker" else ("--port", str(free_port()))
        done = Command(env, role, *number)
        message = done.communicate(timeout=30)[0]

    assert done.returncode == 2
    assert message.count("SUPERIMPOSE_REDIS_URL names a Redis 6") == 1
    assert "use Redis 7 or newer" in message
    assert "Traceback" not in message


def test_several_processes_share_a_port_and_a_dead_one_is_replaced(redis_socket, tmp_path):
    env = environment(empty_database(redis_socket, 6), tmp_path)
    port = free_port()
    url = f"http://127.0.0.1:{port}/livez"
    api = Command(env, "api", "--port", str(port), "--api-workers", "3")
    try:
        await_http(url, api)
        await_processes(api.pid, 3)
        frozen, killed, _ = sorted(descendants(api.pid))
        os.kill(frozen, signal.SIGSTOP)
        os.kill(killed, signal.SIGKILL)
        answers = [httpx.get(url, **ON_LOOPBACK).status_code for _ in range(20)]
        os.kill(frozen, signal.SIGCONT)
        await_no_process({killed})
        await_processes(api.pid, 3)  # another took its place
        assert answers == [200] * 20
    finally:
        api.send_signal(signal.SIGTERM)
        printed = api.communicate(timeout=30)[0]
    assert api.returncode == 0
    assert "Traceback" not in printed


def test_roles_end_when_their_supervisor_is_killed(redis_socket, tmp_path):
    env = environment(empty_database(redis_socket, 6), tmp_path)
    workers = Command(env, "worker", "--workers", "2")
    await_processes(workers.pid, 4)
    below = descendants(workers.pid)

    workers.kill()
    workers.communicate(timeout=30)  # until the last of them has closed its stdout

    await_no_process(below)


def test_workers_keep_working_when_their_output_is_not_read(redis_socket, tmp_path):
    env = environment(empty_database(redis_socket, 6), tmp_path, log_format="json", access_log=True)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    api, workers = Command(env, "api", "--port", str(port)), Command(env, "worker", "--workers", "1")
    workers.stdout.close()
    fcntl.fcntl(api.stdout, fcntl.F_SETPIPE_SZ, resource.getpagesize())
    try:
        await_http(f"{url}/livez", api)
        answers = [make_a_picture(url) for _ in range(3)]
        with httpx.Client(timeout=30, **ON_LOOPBACK) as client:
            answers += [client.get(f"{url}/livez").status_code for _ in range(FILLS_A_PAGE)]
    finally:
        for process in (api, workers):
            process.send_signal(signal.SIGTERM)
        statuses = [process.wait(30) for process in (api, workers)]
        api.stdout.close()

    assert set(answers) == {200}
    assert statuses == [-signal.SIGTERM, 0]


@pytest.mark.parametrize(
    ("address", "advice"),
    [(("127.0.0.1", None), "give another --port"), (("nobody.invalid", 8000), "give another --host")],
)
def test_an_address_that_cannot_be_listened_on_is_one_sentence(main, address, advice):
    host, port = address
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = port or taken.getsockname()[1]

        done = main("api", "--host", host, "--port", str(port))

    assert done.returncode == 1
    assert done.stderr.startswith(f"superimpose: cannot listen on {host}:{port} (")
    assert done.stderr.endswith(f"): {advice}\n")
    assert done.stderr.count("\n") == 1
