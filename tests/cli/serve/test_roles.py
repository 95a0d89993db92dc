"""`superimpose worker` and `superimpose api`, alone as in containers."""

import os
import re
import signal
import socket
import subprocess
import sys

import httpx
import pytest

from cli.serve.redis_server import server_command
from tests.processes import await_no_process, await_processes, descendants
from tests.redis.way import Way
from tests.stack import KEY, await_http, empty_database, environment, free_port

FILLS_A_PIPE = 1000  # lines of log; a pipe holds 64 KiB


def start(env, *arguments):
    command = [sys.executable, "-m", "cli", *arguments]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_both_roles_work_alone_and_stop_on_sigterm_without_a_trace(redis_socket, tmp_path):
    env = environment(empty_database(redis_socket, 6), tmp_path)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    api, workers = start(env, "api", "--port", str(port)), start(env, "worker", "--workers", "2")
    await_http(f"{url}/livez", api)
    body = {"base_image": f"{url}/samples/cup.jpg", "overlay_image": f"{url}/samples/logo.png"}
    made = httpx.post(
        f"{url}/v1/superimpose", json=body, headers={"x-api-key": KEY}, trust_env=False, timeout=30
    )
    below = descendants(workers.pid)

    printed = {}
    for name, process in (("api", api), ("workers", workers)):
        process.send_signal(signal.SIGTERM)
        printed[name] = process.communicate(timeout=30)[0]

    assert made.status_code == 200
    assert len(below) == 4  # two workers, each with its child
    assert workers.returncode == 0
    assert api.returncode == -signal.SIGTERM  # uvicorn finishes, then ends by the signal it got
    assert "COMPLETED" in printed["workers"]
    assert f"answering at {url}\n" in printed["api"]
    assert not any("Traceback" in text for text in printed.values())
    for pid in below:
        assert subprocess.run(["kill", "-0", str(pid)], capture_output=True).returncode != 0


def test_a_redis_that_is_not_there_is_one_sentence(tmp_path):
    env = environment(f"unix://{tmp_path}/nothing.sock", tmp_path)

    done = subprocess.run(
        [sys.executable, "-m", "cli", "keys", "list"], env=env, capture_output=True, text=True
    )

    assert done.returncode == 4
    assert done.stderr.startswith("superimpose: Redis cannot be reached: ")


def test_a_bad_setting_is_one_sentence_that_names_it(redis_socket, tmp_path):
    env = environment(empty_database(redis_socket, 6), tmp_path, fetch_allow="10.0.0.0/99")

    done = subprocess.run([sys.executable, "-m", "cli", "worker"], env=env, capture_output=True, text=True)

    assert done.returncode == 2
    assert done.stderr.startswith("superimpose: SUPERIMPOSE_FETCH_ALLOW")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "command",
    [
        ("cli", "api"),
        ("cli", "api", "--api-workers", "2"),
        ("cli", "worker"),
        ("cli", "up"),
        ("cli", "keys", "list"),
        ("cli", "requests", "list"),
        ("cli", "queue", "--once"),
        ("worker",),
    ],
)
def test_every_role_and_command_names_all_bad_settings_and_ends_with_status_2(command, tmp_path):
    wrong = {"formats": "JPG", "fetch_ports": "http", "fetch_hosts": "bad host!", "workres": 3}
    env = environment("redis://:p/w@host:6379/0", tmp_path, **wrong)

    done = subprocess.run([sys.executable, "-m", *command], env=env, capture_output=True, text=True)

    assert done.returncode == 2
    assert done.stdout == ""
    for name in ("redis_url", *wrong):
        assert f"SUPERIMPOSE_{name.upper()}" in done.stderr
    assert len(done.stderr.splitlines()) == 5
    assert "p/w" not in done.stderr


@pytest.mark.parametrize("role", ["api", "worker", "up"])
def test_a_redis_that_is_too_old_is_one_sentence_from_every_role(redis_socket, tmp_path, role):
    with Way(redis_socket).serving() as way:
        way.rewritten = lambda answer: re.sub(rb"(version\r\n\$\d+\r\n)\d", rb"\g<1>6", answer)
        env = environment(f"redis://127.0.0.1:{way.port}/6", tmp_path)
        number = ("--workers", "1") if role == "worker" else ("--port", str(free_port()))
        done = start(env, role, *number)
        said = done.communicate(timeout=30)[0]

    assert done.returncode == 2
    assert said.count("SUPERIMPOSE_REDIS_URL names a Redis 6") == 1
    assert "use Redis 7 or newer" in said
    assert "Traceback" not in said


def test_a_redis_that_comes_late_is_waited_for(tmp_path):
    socket = tmp_path / "redis.sock"
    env = environment(f"unix://{socket}", tmp_path / "data")
    port = free_port()
    api, worker = start(env, "api", "--port", str(port)), start(env, "worker", "--workers", "1")
    assert api.stdout is not None
    assert worker.stdout is not None
    said = [process.stdout.readline() for process in (api, worker)]

    redis = subprocess.Popen(server_command(tmp_path, socket))
    try:
        await_http(f"http://127.0.0.1:{port}/livez", api)
        url = f"http://127.0.0.1:{port}"
        body = {"base_image": f"{url}/samples/cup.jpg", "overlay_image": f"{url}/samples/logo.png"}
        made = httpx.post(
            f"{url}/v1/superimpose", json=body, headers={"x-api-key": KEY}, trust_env=False, timeout=30
        )
    finally:
        for process in (api, worker, redis):
            process.terminate()
            process.communicate(timeout=30)

    assert all("Redis cannot be reached, trying again" in line for line in said)
    assert made.status_code == 200


def test_several_processes_answer_at_one_port_and_one_that_dies_is_not_missed(redis_socket, tmp_path):
    env = environment(empty_database(redis_socket, 6), tmp_path)
    port = free_port()
    url = f"http://127.0.0.1:{port}/livez"
    api = start(env, "api", "--port", str(port), "--api-workers", "3")
    try:
        await_http(url, api)
        await_processes(api.pid, 3)
        frozen, killed, _ = sorted(descendants(api.pid))
        os.kill(frozen, signal.SIGSTOP)
        os.kill(killed, signal.SIGKILL)
        answers = [httpx.get(url, trust_env=False).status_code for _ in range(20)]
        os.kill(frozen, signal.SIGCONT)
        await_processes(api.pid, 3)
        assert killed not in descendants(api.pid)
        assert answers == [200] * 20
    finally:
        api.send_signal(signal.SIGTERM)
        printed = api.communicate(timeout=30)[0]
    assert api.returncode == 0
    assert "Traceback" not in printed


def test_roles_end_with_their_supervisor_however_that_ends(redis_socket, tmp_path):
    env = environment(empty_database(redis_socket, 6), tmp_path)
    workers = start(env, "worker", "--workers", "2")
    await_processes(workers.pid, 4)
    below = descendants(workers.pid)

    workers.kill()
    workers.communicate(timeout=30)  # until the last of them has closed its end

    await_no_process(below)


def test_workers_go_on_when_nobody_reads_what_they_print(redis_socket, tmp_path):
    env = environment(empty_database(redis_socket, 6), tmp_path, log_format="json", access_log=True)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    api, workers = start(env, "api", "--port", str(port)), start(env, "worker", "--workers", "1")
    assert workers.stdout is not None
    workers.stdout.close()
    try:
        await_http(f"{url}/livez", api)
        body = {"base_image": f"{url}/samples/cup.jpg", "overlay_image": f"{url}/samples/logo.png"}
        with httpx.Client(headers={"x-api-key": KEY}, trust_env=False, timeout=30) as client:
            answers = [client.post(f"{url}/v1/superimpose", json=body).status_code for _ in range(3)]
            answers += [client.get(f"{url}/livez").status_code for _ in range(FILLS_A_PIPE)]
    finally:
        for process in (api, workers):
            process.send_signal(signal.SIGTERM)
        statuses = [process.wait(30) for process in (api, workers)]
        assert api.stdout is not None
        api.stdout.close()

    assert set(answers) == {200}
    assert statuses == [-signal.SIGTERM, 0]


@pytest.mark.parametrize(
    ("address", "advice"),
    [(("127.0.0.1", None), "give another --port"), (("nobody.invalid", 8000), "give another --host")],
)
def test_an_address_nobody_can_listen_on_is_one_sentence(redis_socket, tmp_path, address, advice):
    host, port = address
    env = environment(empty_database(redis_socket, 6), tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = port or taken.getsockname()[1]
        command = [sys.executable, "-m", "cli", "api", "--host", host, "--port", str(port)]

        done = subprocess.run(command, env=env, capture_output=True, text=True)

    assert done.returncode == 1
    assert done.stderr.startswith(f"superimpose: cannot listen on {host}:{port} (")
    assert done.stderr.endswith(f"): {advice}\n")
    assert done.stderr.count("\n") == 1
