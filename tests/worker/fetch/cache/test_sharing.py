"""Concurrent fetches of one picture share one request to its server."""

import socket
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from traceback import walk_stack
from types import FrameType

import pytest

from tests.redis.sentinels import until
from tests.worker.fetch.answers import redirects, requests, response, says
from tests.worker.fetch.conftest import LOOPBACK, TLS
from worker.fetch import Fetcher, FetchError, FetchRules

PICTURE = "content-length: 9\r\n"
FOR_ONE = ["cache-control: max-age=60, No-Store", "set-cookie: a=1", "vary: *"]


class Slow:
    """A server whose responses wait until they are released; the last one is repeated."""

    def __init__(self, *answers: bytes) -> None:
        self.answers = list(answers)
        self.asked: list[bytes] = []
        self.released = threading.Semaphore(0)

    def __call__(self, connection: socket.socket) -> None:
        for head in requests(connection):
            self.asked.append(head)
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            self.released.acquire(timeout=60)
            connection.sendall(answer)


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as threads:
        yield threads


def wait_for_another(count: int) -> None:
    """Wait until `count` threads wait for the fetch of another one."""

    def is_waiting(top: FrameType) -> bool:
        callers = [frame.f_globals["__name__"] for frame, _ in walk_stack(top)]
        ours = [name for name in callers if name.startswith("worker.")]
        return callers[0] == "threading" and ours[:1] == ["worker.fetch.flights"]

    until(lambda: sum(map(is_waiting, sys._current_frames().values())) == count, "they wait for one fetch")


def test_concurrent_fetches_share_one_request(serve, fetcher, threads):
    origin = Slow(response())
    url = serve(origin).url
    reserved: list[int] = []
    bodies = [
        threads.submit(fetcher.get, url, field="mask", owner="us", reserve=reserved.append) for _ in range(4)
    ]
    wait_for_another(3)
    origin.released.release()

    assert [each.result().data for each in bodies] == [b"a picture"] * 4
    assert len(origin.asked) == 1
    assert sum(reserved) == 4 * 9


def test_a_response_that_serves_an_earlier_request_is_not_shared_with_a_later_one(serve, fetcher, threads):
    origin = Slow(response(headers=f'etag: "v1"\r\n{PICTURE}'), response(b"a new one", headers=PICTURE))
    origin.released.release(2)
    url = serve(origin).url
    before = time.time() - 1
    fetcher.get(url, field="mask", owner="us", accepted_at=before)
    is_reading, may_go_on = threading.Event(), threading.Event()

    def reserve(size: int) -> None:
        if size:
            is_reading.set()
            may_go_on.wait(60)

    waited = threads.submit(fetcher.get, url, field="mask", owner="us", accepted_at=before, reserve=reserve)
    assert is_reading.wait(60)
    since = threads.submit(fetcher.get, url, field="mask", owner="us", accepted_at=time.time() + 0.001)
    wait_for_another(1)
    may_go_on.set()

    assert (waited.result().data, since.result().data) == (b"a picture", b"a new one")
    assert len(origin.asked) == 2


def test_concurrent_fetches_share_one_revalidation_and_the_next_one_repeats_it(serve, fetcher, threads):
    changed = response(b"changed", headers='etag: "2"\r\ncontent-length: 7\r\n')
    origin = Slow(
        response(headers=f'etag: "1"\r\n{PICTURE}'),
        response(b"", status="304 Not Modified", headers=""),
        changed,
    )
    url = serve(origin).url
    origin.released.release()
    fetcher.get(url, field="mask", owner="us")
    both = [threads.submit(fetcher.get, url, field="mask", owner="us") for _ in range(2)]
    wait_for_another(1)
    origin.released.release()

    assert [each.result().data for each in both] == [b"a picture"] * 2
    assert len(origin.asked) == 2
    origin.released.release()
    assert fetcher.get(url, field="mask", owner="us").data == b"changed"
    assert [b"if-none-match" in head.lower() for head in origin.asked] == [False, True, True]


def test_redirects_to_the_same_url_share_one_request(serve, fetcher, threads):
    origin = Slow(response())
    url = serve(origin).url
    leading = [serve(says(redirects(url))) for _ in range(2)]
    both = [threads.submit(fetcher.get, each.url, field="mask", owner="us") for each in leading]
    wait_for_another(1)
    origin.released.release()

    assert [each.result().data for each in both] == [b"a picture"] * 2
    assert len(origin.asked) == 1


def test_a_failure_is_reported_to_all_with_their_own_field(serve, fetcher, threads):
    origin = Slow(response(status="503 Busy", headers=f"retry-after: 7\r\n{PICTURE}"))
    url = serve(origin).url
    asking = {
        field: threads.submit(fetcher.get, url, field=field, owner="us") for field in ("mask", "base_image")
    }
    wait_for_another(1)
    origin.released.release()

    for field, each in asking.items():
        error = each.exception()
        assert isinstance(error, FetchError)
        assert (
            str(error)
            == f"{field}: {url} answered 503 instead of the image: try again in 7 s, as its server says"
        )
        assert (error.field, error.retry_after_s, error.transient) == (field, 7, True)
    assert len({id(error) for each in asking.values() for error in causes(each.exception())}) == 4
    assert len(origin.asked) == 1


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and its causes."""
    while error:
        yield error
        error = error.__cause__


def test_a_network_failure_is_reported_to_all(serve, fetcher, threads):
    asked: list[bytes] = []
    released = threading.Event()

    def break_off(connection: socket.socket) -> None:
        asked.append(next(requests(connection)))
        released.wait(60)

    url = serve(break_off).url
    both = [threads.submit(fetcher.get, url, field="mask", owner="us") for _ in range(2)]
    wait_for_another(1)
    released.set()

    assert all("broke off" in str(each.exception()) for each in both)
    assert len(asked) == 2  # as one that asks alone tries again


class NoRoom(Exception):
    """Stands for an error of the job that ends its fetch."""


def no_room(size: int) -> None:
    if size:
        raise NoRoom


def test_if_the_fetching_thread_stops_another_one_fetches(serve, fetcher, threads):
    origin = Slow(response())
    url = serve(origin).url
    first = threads.submit(fetcher.get, url, field="mask", owner="us", reserve=no_room)
    until(lambda: origin.asked, "it sends its request")
    others = [threads.submit(fetcher.get, url, field="mask", owner="us") for _ in range(2)]
    wait_for_another(2)
    origin.released.release()
    until(lambda: len(origin.asked) == 2, "another one sends a request")
    wait_for_another(1)
    origin.released.release()

    assert [each.result().data for each in others] == [b"a picture"] * 2
    assert isinstance(first.exception(), NoRoom)
    assert len(origin.asked) == 2


def test_a_waiting_fetch_fails_alone(serve, fetcher, threads):
    origin = Slow(response())
    url = serve(origin).url
    first = threads.submit(fetcher.get, url, field="mask", owner="us")
    until(lambda: origin.asked, "it sends its request")
    second = threads.submit(fetcher.get, url, field="mask", owner="us", reserve=no_room)
    wait_for_another(1)
    origin.released.release()

    assert first.result().data == b"a picture"
    assert isinstance(second.exception(), NoRoom)


def test_a_waiting_fetch_that_is_dropped_ends(serve, fetcher, threads):
    origin = Slow(response())
    url = serve(origin).url
    is_unwanted = threading.Event()

    def reserve(_size: int) -> None:
        if is_unwanted.is_set():
            raise NoRoom

    first = threads.submit(fetcher.get, url, field="mask", owner="us")
    until(lambda: origin.asked, "it sends its request")
    second = threads.submit(fetcher.get, url, field="mask", owner="us", reserve=reserve)
    wait_for_another(1)
    is_unwanted.set()

    assert isinstance(second.exception(), NoRoom)
    assert not first.done()
    origin.released.release()
    assert first.result().data == b"a picture"


@pytest.mark.parametrize(
    ("silent", "text"), [("name server", "cannot be fetched"), ("server", "took too long to arrive")]
)
def test_if_the_fetching_thread_runs_out_of_time_another_one_fetches(silent, text, serve, threads):
    asked: list[str] = []
    over = threading.Event()

    def is_silent(kind: str) -> bool:
        asked.append(kind)
        return kind == silent and asked.count(kind) == 1

    def resolve(_host: str, _port: int) -> list[str]:
        if is_silent("name server"):
            over.wait(60)
        return ["127.0.0.1"]

    def answer(connection: socket.socket) -> None:
        for _ in requests(connection):
            if not is_silent("server"):
                connection.sendall(response())

    url = f"http://shop.com:{serve(answer).port}/"
    rules = FetchRules(allow_networks=LOOPBACK, total_timeout_s=6)
    with Fetcher(rules, resolve=resolve, ssl_context=TLS) as fetcher:
        first = threads.submit(fetcher.get, url, field="mask", owner="us")
        time.sleep(3)
        second = threads.submit(fetcher.get, url, field="mask", owner="us")
        wait_for_another(1)

        assert text in str(first.exception())
        assert second.result().data == b"a picture"
    assert asked.count(silent) == 2
    over.set()


def test_a_waiting_fetch_ends_at_its_own_deadline(serve, threads):
    origin = Slow(response())
    url = serve(origin).url
    leading = Slow(redirects(url))
    rules = FetchRules(allow_networks=LOOPBACK, total_timeout_s=6)
    with Fetcher(rules, ssl_context=TLS) as fetcher:
        early = threads.submit(fetcher.get, serve(leading).url, field="mask", owner="us")
        time.sleep(3)
        late = threads.submit(fetcher.get, url, field="base_image", owner="us")
        until(lambda: origin.asked, "it sends its request")
        leading.released.release()
        wait_for_another(1)

        error = early.exception()
        assert isinstance(error, FetchError)
        assert (error.field, "took too long to arrive" in str(error)) == ("mask", True)
        assert not late.done()
        origin.released.release()
        assert late.result().data == b"a picture"


@pytest.mark.parametrize("owners", [("us", "them"), ("", "")])
def test_fetches_of_different_owners_are_not_shared(owners, serve, fetcher, threads):
    origin = Slow(response(headers=f"cache-control: public, max-age=60\r\n{PICTURE}"))
    url = serve(origin).url
    both = [threads.submit(fetcher.get, url, field="mask", owner=owner) for owner in owners]

    until(lambda: len(origin.asked) == 2, "both send requests")

    origin.released.release(2)
    assert [each.result().data for each in both] == [b"a picture"] * 2


@pytest.mark.parametrize("header", FOR_ONE)
def test_a_response_for_one_request_is_not_shared(header, serve, fetcher, threads):
    origin = Slow(
        *(response(body, headers=f"{header}\r\n{PICTURE}") for body in (b"picture 1", b"picture 2"))
    )
    url = serve(origin).url
    both = [threads.submit(fetcher.get, url, field="mask", owner="us") for _ in range(2)]
    wait_for_another(1)
    origin.released.release(2)

    assert sorted(each.result().data for each in both) == [b"picture 1", b"picture 2"]


@pytest.mark.parametrize("header", FOR_ONE)
def test_a_failure_for_one_request_is_not_shared(header, serve, fetcher, threads):
    origin = Slow(
        *(
            response(status="503 Busy", headers=f"retry-after: {wait_s}\r\n{header}\r\n{PICTURE}")
            for wait_s in (1, 2)
        )
    )
    url = serve(origin).url
    both = [threads.submit(fetcher.get, url, field="mask", owner="us") for _ in range(2)]
    wait_for_another(1)
    origin.released.release(2)

    errors = [each.exception() for each in both]
    assert sorted(error.retry_after_s for error in errors if isinstance(error, FetchError)) == [1, 2]
