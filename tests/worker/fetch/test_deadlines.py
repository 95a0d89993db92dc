"""A fetch ends however slow the server is. pytest-timeout catches a hang."""

import socket
import threading
from collections.abc import Iterator

import pytest

from jobs.network.guard import LOOKUPS_AT_ONCE
from tests.worker.fetch.answers import Answer, redirects, requests
from tests.worker.fetch.conftest import LOOPBACK, Serve
from worker.fetch import Fetcher, FetchError, FetchRules
from worker.fetch.errors import UNREACHABLE

PATIENCE_S = 0.4


@pytest.fixture
def hasty() -> Iterator[Fetcher]:
    """A fetcher without limits for single operations, so that only the total deadline ends them."""
    rules = FetchRules(
        allow_networks=LOOPBACK,
        total_timeout_s=PATIENCE_S,
        connect_timeout_s=1000,
        max_redirects=1_000_000,
    )
    with Fetcher(rules) as fetcher:
        yield fetcher


def drips(head: bytes, part: bytes) -> Answer:
    """Sends `head`, then `part` repeatedly, at shorter intervals than any read timeout."""

    def answer(connection: socket.socket) -> None:
        pause = threading.Event()
        for _ in requests(connection):
            connection.sendall(head)
            while True:
                connection.sendall(part)
                pause.wait(PATIENCE_S / 20)

    return answer


def is_silent(connection: socket.socket) -> None:
    for _ in requests(connection):
        pass


def redirects_slowly(connection: socket.socket) -> None:
    pause = threading.Event()
    for _ in requests(connection):
        pause.wait(PATIENCE_S / 20)
        connection.sendall(redirects("/cup.jpg"))


SLOW = {
    "silence": is_silent,
    "a body byte by byte": drips(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n", b"x"),
    "chunks byte by byte": drips(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "chunks of nothing but extension": drips(
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;", b"x"
    ),
    "a status line byte by byte": drips(b"HTTP/1.1 200 ", b"x"),
    "headers one by one": drips(b"HTTP/1.1 200 OK\r\n", b"x: y\r\n"),
    "interim answers for ever": drips(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    "redirects for ever": redirects_slowly,
}


@pytest.mark.parametrize("answer", SLOW.values(), ids=SLOW)
def test_a_slow_server_is_cut_off(answer: Answer, serve: Serve, hasty: Fetcher) -> None:
    with pytest.raises(FetchError, match="took too long to arrive") as caught:
        hasty.get(serve(answer).url, field="mask")
    assert not caught.value.transient
    assert caught.value.code == "fetch_failed"


def test_a_server_may_be_silent_until_the_deadline(serve: Serve) -> None:
    """Longer than ten seconds, which once was a limit independent of the settings."""
    pause = threading.Event()

    def answer(connection: socket.socket) -> None:
        for _ in requests(connection):
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\na pic")
            pause.wait(10.5)
            connection.sendall(b"ture")

    with Fetcher(FetchRules(allow_networks=LOOPBACK, total_timeout_s=1000)) as fetcher:
        assert fetcher.get(serve(answer).url, field="mask").data == b"a picture"


def test_a_silent_tls_handshake_is_cut_off(serve: Serve, hasty: Fetcher) -> None:
    url = serve(is_silent).url.replace("http:", "https:")
    with pytest.raises(FetchError) as caught:
        hasty.get(url, field="mask")
    assert caught.value.transient


def test_a_full_backlog_is_cut_off_like_any_unreachable_address() -> None:
    rules = FetchRules(allow_networks=LOOPBACK, connect_timeout_s=0.2)
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for client in (first, second):
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        with Fetcher(rules) as fetcher, pytest.raises(FetchError) as caught:
            fetcher.get(f"http://127.0.0.1:{listener.getsockname()[1]}/", field="mask")
    assert str(caught.value).endswith(UNREACHABLE)
    assert caught.value.transient


class DeadNameServer:
    """Answers when the test releases it."""

    def __init__(self) -> None:
        self.released = threading.Event()

    def __call__(self, _host: str, _port: int) -> list[str]:
        self.released.wait(60)
        return []


@pytest.fixture
def dead_name_server() -> Iterator[DeadNameServer]:
    server = DeadNameServer()
    yield server
    server.released.set()


def test_a_silent_name_server_is_cut_off(dead_name_server: DeadNameServer) -> None:
    rules = FetchRules(total_timeout_s=PATIENCE_S)
    with Fetcher(rules, resolve=dead_name_server) as fetcher, pytest.raises(FetchError) as caught:
        fetcher.get("http://shop.com/", field="mask")
    assert str(caught.value).endswith(UNREACHABLE)
    assert caught.value.transient


def test_hanging_look_ups_do_not_pile_up(dead_name_server: DeadNameServer) -> None:
    threads_before = threading.active_count()
    with Fetcher(FetchRules(total_timeout_s=0.02), resolve=dead_name_server) as fetcher:
        for _ in range(LOOKUPS_AT_ONCE + 5):
            with pytest.raises(FetchError) as caught:
                fetcher.get("http://shop.com/", field="mask")
        assert threading.active_count() - threads_before <= LOOKUPS_AT_ONCE
    assert str(caught.value).endswith(UNREACHABLE)
    assert "all look-ups are busy" in caught.value.reason


class JobTimeout(Exception):
    """Stands for RQ's timeout, which a signal raises anywhere in a job."""


def test_a_jobs_timeout_is_not_taken_for_a_failed_fetch() -> None:
    def resolve(_host: str, _port: int) -> list[str]:
        raise JobTimeout

    with Fetcher(FetchRules(), resolve=resolve) as fetcher, pytest.raises(JobTimeout):
        fetcher.get("http://shop.com/", field="mask")


def test_a_dropped_fetch_ends_even_if_its_server_is_silent(serve: Serve, fetcher: Fetcher) -> None:
    class Unwanted(Exception):
        pass

    is_unwanted, over = threading.Event(), threading.Event()

    def reserve(size: int) -> None:
        if is_unwanted.is_set():
            raise Unwanted

    def answer(connection: socket.socket) -> None:
        next(iter(requests(connection)))
        is_unwanted.set()
        over.wait(60)

    server = serve(answer)
    with pytest.raises(Unwanted):
        fetcher.get(server.url, field="mask", reserve=reserve)
    assert not over.is_set()
    over.set()
