"""The intake of a child: the order in which jobs become ready, and the bytes they hold."""

import gc
import threading
import time
import weakref

import pytest

from compositor import File
from tests.redis.sentinels import until
from worker.child.intake import Intake, OverBudget
from worker.child.messages import Order
from worker.fetch import Reserve


class FakeFetcher:
    """A fake fetcher: reserves ten bytes times the number in a URL, and returns when it is released."""

    def __init__(self) -> None:
        self.release = {name: threading.Event() for name in ("first", "second", "third")}
        self.arrived: list[str] = []
        self.ended: list[Exception] = []

    def read(self, order: Order, field: str, reserve: Reserve) -> File:
        try:
            for _ in range(int(order.params[field])):
                reserve(10)
            self.arrived.append(order.request_id)
            assert self.release[order.request_id].wait(60)
        except Exception as error:
            self.ended.append(error)
            raise
        return File(b"picture")


@pytest.fixture
def web():
    web = FakeFetcher()
    yield web
    for each in web.release.values():
        each.set()


@pytest.fixture
def intake(web):
    return Intake(web.read, max_bytes=100, threads=8)


def order(name: str, pieces: int = 1) -> Order:
    return Order(name, 1, "a key", {"base_image": str(pieces)}, 60, f"outputs/20300101T0000/{name}")


def test_the_job_whose_inputs_arrive_first_is_processed_first(web, intake):
    intake.add(order("first"))
    intake.add(order("second"))
    web.release["second"].set()

    job = intake.next_job()

    assert job.order.request_id == "second"
    assert {name: file.data for name, file in job.files().items()} == {"base_image": b"picture"}
    assert intake.ready == 0
    web.release["first"].set()
    assert intake.next_job().order.request_id == "first"


def test_a_failed_input_is_reported_without_waiting_for_the_others(web):
    def read(order: Order, field: str, reserve: Reserve) -> File:
        if field == "overlay_image":
            raise FileNotFoundError
        return web.read(order, field, reserve)

    intake = Intake(read, max_bytes=100, threads=8)
    intake.add(Order("first", 1, "a key", {"base_image": "1", "overlay_image": "2"}, 60, "outputs/a/first"))

    with pytest.raises(FileNotFoundError):
        intake.next_job().files()


def test_the_oldest_job_may_exceed_the_limit_and_others_wait(web, intake):
    intake.add(order("first", pieces=20))
    until(lambda: web.arrived == ["first"], "it exceeds the limit")
    intake.add(order("second"))
    web.release["first"].set()
    job = intake.next_job()
    assert web.arrived == ["first"]

    intake.release(job)

    until(lambda: web.arrived == ["first", "second"], "its bytes are free again")


def test_an_input_over_the_limit_is_fetched_again_once_it_fits(web, intake):
    """It does not wait within its fetch, which has a deadline and holds a connection."""
    intake.add(order("first", pieces=6))
    until(lambda: web.arrived == ["first"], "it holds more than half of the bytes")
    intake.add(order("second", pieces=5))

    until(lambda: web.ended, "its fetch ends")

    assert isinstance(web.ended[0], OverBudget)
    until(lambda: intake.ready == 1, "it waits for bytes, not for its origin")
    web.release["first"].set()
    intake.release(intake.next_job())
    until(lambda: web.arrived == ["first", "second"], "it is fetched again")


def test_an_arrived_input_holds_only_the_bytes_it_needs(web, intake):
    """The second input reserves more than it uses, because it is fetched again."""
    for each in web.release.values():
        each.set()
    intake.add(order("first", pieces=7))
    first = intake.next_job()
    intake.add(order("second", pieces=4))
    until(lambda: web.ended, "it exceeds the limit")
    intake.release(first)
    intake.next_job()

    intake.add(order("third", pieces=6))

    assert intake.next_job().order.request_id == "third"


def test_a_dropped_job_is_neither_fetched_nor_processed(web, intake):
    intake.add(order("first", pieces=9))
    until(lambda: web.arrived, "it holds most of the bytes")
    intake.add(order("second", pieces=5))
    until(lambda: web.ended, "it exceeds the limit")

    assert intake.drop("second")

    assert intake.ready == 0
    web.release["first"].set()
    assert intake.next_job().order.request_id == "first"
    assert intake.ready == 0


def test_a_ready_job_can_be_dropped_but_not_a_started_one(web, intake):
    for each in web.release.values():
        each.set()
    intake.add(order("first"))
    intake.add(order("second"))
    until(lambda: intake.ready == 2, "both have arrived")
    begun = intake.next_job().order.request_id
    other = "second" if begun == "first" else "first"

    assert not intake.drop(begun)
    assert intake.drop(other)
    assert not intake.drop("unknown")
    assert intake.ready == 0


def test_a_released_job_is_freed_at_once(web, intake):
    """Without the garbage collector, because pictures are large."""
    for each in web.release.values():
        each.set()
    intake.add(order("first"))
    job = weakref.ref(intake.next_job())
    gc.disable()
    intake.release(job())

    until(lambda: job() is None, "nothing refers to it")
    gc.enable()


def test_a_dropped_jobs_fetch_holds_its_bytes_until_it_ends(web, intake):
    intake.add(order("first", pieces=9))
    until(lambda: web.arrived == ["first"], "its fetch goes on")
    intake.drop("first")
    intake.add(order("second", pieces=1))
    until(lambda: "second" in web.arrived, "the oldest always fits")
    intake.add(order("third", pieces=1))

    until(lambda: intake.ready == 1, "the other one waits for it")

    web.release["first"].set()
    until(lambda: web.arrived == ["first", "second", "third"], "it is free")


def test_closing_the_intake_ends_a_wait_for_the_next_job(intake):
    taken = []
    waiting = threading.Thread(target=lambda: taken.append(intake.next_job()))
    waiting.start()
    time.sleep(0.01)

    intake.close()

    waiting.join(60)
    assert taken == [None]
