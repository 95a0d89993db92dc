"""Two APIs behind nginx as in docs/stack.md are replaced one after the other, and no call fails."""

import signal
import threading
from urllib.parse import urlsplit

import httpx
import pytest

from tests.proxies import in_front_of_two
from tests.stack import KEY, ON_LOOPBACK, Stack, await_http, empty_database, environment, free_port, running

CLIENTS = 3
THINK_S = 0.02
PATIENCE_S = 90


@pytest.fixture
def stack(redis_socket, tmp_path):
    env = environment(empty_database(redis_socket, 9), tmp_path / "data")
    with running(env, workers=0) as stack:
        yield stack


def start_api(stack: Stack, port: int) -> None:
    api = stack.start("cli", "api", "--port", str(port))
    await_http(f"http://127.0.0.1:{port}/livez", api)


def replace_api(stack: Stack, port: int) -> None:
    """Like `docker compose up --wait`: stop it, then start another at its port."""
    (old,) = [each for each in stack.processes if str(port) in each.args and each.poll() is None]
    old.send_signal(signal.SIGTERM)
    old.wait(PATIENCE_S)
    start_api(stack, port)


def test_no_call_fails_while_the_two_apis_are_replaced(stack, tmp_path):
    ports = urlsplit(stack.url).port, free_port()
    start_api(stack, ports[1])
    answers: list[int] = []
    ended = threading.Event()
    with in_front_of_two(*ports, tmp_path) as url:
        clients = [threading.Thread(target=use, args=(url, answers, ended)) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        try:
            for each in ports:
                replace_api(stack, each)
        finally:
            ended.set()
            for client in clients:
                client.join()

    assert len(answers) > 2 * CLIENTS
    assert {status: answers.count(status) for status in answers} == {200: len(answers)}


def use(url: str, answers: list[int], ended: threading.Event) -> None:
    """Submit and poll like the vendor's client, without retries; 0 is a call without a response."""
    with httpx.Client(base_url=url, headers={"x-api-key": KEY}, timeout=30, **ON_LOOPBACK) as client:
        body = dict.fromkeys(("base_image", "overlay_image"), f"{url}/samples/cup.jpg")
        while not ended.wait(THINK_S):  # leaves the processor to starting processes
            try:
                submitted = client.post("/v2/superimpose", json=body)
                answers.append(submitted.status_code)
                if submitted.is_success:
                    answers.append(client.get(submitted.json()["status_url"]).status_code)
            except httpx.HTTPError:
                answers.append(0)
