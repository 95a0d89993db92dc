"""Inputs of the next requests, fetched while one is being worked on."""

import threading
import time
from concurrent.futures import Future

import pytest

from jobs.lifecycle.status import Status
from jobs.redis.connection import connect_worker
from worker import ahead
from worker.ahead import Ahead, NoRoom
from worker.child.messages import ToFetch
from worker.fetch import Received
from worker.warm_worker import WarmWorker

SLOW, NEXT = "/hangs.jpg?ahead", "/cup.jpg?next"


@pytest.fixture
def settings(settings):
    return settings.model_copy(update={"fetch_allow": ("127.0.0.1/32",)})


@pytest.fixture
def worked(settings, submit, record, origin):
    """Works on a request that hangs and on one behind it, which was asked for `early` or not."""

    def worked(early: bool, **limits: int) -> int:
        origin.asked.clear()
        requests = [submit(base_image=origin.url + path) for path in (SLOW, NEXT)]
        limited = settings.model_copy(update=limits)
        worker = WarmWorker(connect_worker(limited), limited)
        seen = []

        def look() -> None:
            origin.await_request(SLOW)
            if early:
                origin.await_request(NEXT)
            seen.extend(origin.asked)
            origin.release.set()

        watching = threading.Thread(target=look)
        watching.start()
        worker.work(burst=True)
        watching.join()
        origin.release.clear()
        assert (NEXT in seen) is early
        assert [record(request_id).status for request_id in requests] == [Status.COMPLETED] * 2
        return origin.asked.count(NEXT)

    return worked


def test_the_next_request_is_fetched_for_while_one_is_worked_on_and_only_once(worked):
    assert worked(early=True) == 1


def test_what_there_is_no_room_for_is_fetched_again_in_its_turn(worked):
    assert worked(early=True, fetch_ahead_bytes=1000) == 2


def test_it_can_be_switched_off(worked):
    assert worked(early=False, fetch_ahead=0) == 1


class Web:
    """Stands for the fetcher: pieces of ten bytes, as many as a URL says, the last one when released."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self.arrived: list[str] = []
        self.ended: list[Exception] = []

    def get(self, url: str, *, field: str, owner: str, received: Received) -> bytes:  # noqa: ARG002
        try:
            for _ in range(int(url)):
                received(10)
            self.arrived.append(url)
            assert self.release.wait(10)
            received(10)
        except Exception as error:
            self.ended.append(error)
            raise
        return b"picture"


@pytest.fixture
def web():
    web = Web()
    yield web
    web.release.set()


@pytest.fixture
def early(web):
    return Ahead(web.get, requests=4, max_bytes=100)


def until(condition) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def asks(request_id: str, url: str) -> ToFetch:
    return ToFetch(request_id, "a key", {"base_image": url})


def picture(early: Ahead, request_id: str) -> "Future[bytes]":
    return early.take(request_id)["base_image"]


def test_what_one_request_holds_is_room_for_others_once_its_turn_has_come(web, early):
    early.begin([asks("large", "9")])
    until(lambda: web.arrived)
    early.begin([asks("another", "9")])
    until(lambda: web.ended)
    assert isinstance(web.ended[0], NoRoom)

    taken = early.take("large")
    early.begin([asks("a third", "9")])
    until(lambda: len(web.arrived) == 2)
    web.release.set()

    assert taken["base_image"].result(10) == picture(early, "a third").result(10) == b"picture"


def test_what_nobody_comes_for_is_dropped(web, early, monkeypatch):
    monkeypatch.setattr(ahead, "AHEAD_S", 0)
    early.begin([asks("forgotten", "9")])
    until(lambda: web.arrived)

    early.begin([asks("next", "9")])
    until(lambda: len(web.arrived) == 2)
    web.release.set()
    until(lambda: web.ended)

    assert early.take("forgotten") == {}
    assert isinstance(web.ended[0], NoRoom)


def test_what_has_not_begun_is_left_to_whoever_needs_it_now(web):
    narrow = Ahead(web.get, requests=0, max_bytes=100)  # one thread
    narrow.begin([asks("first", "1"), asks("second", "1")])
    until(lambda: web.arrived)

    assert narrow.take("second") == {}
    assert narrow.take("unknown") == {}
