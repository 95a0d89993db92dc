"""How connections are opened, reused and shared."""

import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.worker.fetch.answers import requests, response, says
from worker.fetch import Fetcher, FetchError, FetchRules


def test_a_connection_is_reused_by_the_next_fetch(serve, fetcher):
    server = serve(says(response()))
    for _ in range(5):
        fetcher.get(server.url, field="base_image")
    assert server.connections == 1


def test_a_reused_connection_that_its_server_closes_is_replaced(serve, fetcher):
    def answer(connection: socket.socket) -> None:
        for number, _ in enumerate(requests(connection)):
            if number == 1:
                return
            connection.sendall(response())

    server = serve(answer)
    assert fetcher.get(server.url, field="mask").data == b"a picture"
    assert fetcher.get(server.url, field="mask").data == b"a picture"
    assert server.connections == 2


def test_several_threads_share_one_fetcher(serve, fetcher):
    together = threading.Barrier(3)

    def answer(connection: socket.socket) -> None:
        for head in requests(connection):
            together.wait(60)
            connection.sendall(response(head.split()[1]))

    server = serve(answer)
    with ThreadPoolExecutor(3) as threads:
        urls = [f"http://127.0.0.1:{server.port}/{n}" for n in range(30)]
        bodies = list(threads.map(lambda url: fetcher.get(url, field="mask").data, urls))
    assert bodies == [f"/{n}".encode() for n in range(30)]
    assert server.connections <= 30


def test_a_dead_address_is_skipped_for_another_one_of_the_name(serve):
    server = serve(says(response()))
    rules = FetchRules(allow_networks=("127.0.0.0/8",))
    with Fetcher(rules, resolve=lambda *_: ["127.0.0.2", "127.0.0.1"]) as fetcher:
        assert fetcher.get(f"http://shop.com:{server.port}/", field="mask").data == b"a picture"


@pytest.mark.parametrize(
    ("error", "transient"),
    [
        (socket.gaierror(socket.EAI_NONAME, "no such name"), False),
        (socket.gaierror(socket.EAI_AGAIN, "name server in trouble"), True),
        (OSError("no network"), True),
        (UnicodeError("label too long"), True),
    ],
)
def test_an_unknown_name_is_permanent_and_another_look_up_failure_transient(error, transient):
    def resolve(_host: str, _port: int) -> list[str]:
        raise error

    with Fetcher(FetchRules(), resolve=resolve) as fetcher, pytest.raises(FetchError) as caught:
        fetcher.get("http://shop.com/", field="mask")
    assert caught.value.transient is transient
