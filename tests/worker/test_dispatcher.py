"""How a worker reacts to its child's events and death; the child is a fake."""

import socket
import threading

import pytest

from jobs import keyspace
from jobs.lifecycle.output import Output
from jobs.lifecycle.status import Status
from jobs.lifecycle.transitions import Transitions
from tests.asking import LEASE_OWNER
from tests.redis.recording import recording
from tests.redis.sentinels import until
from worker import dispatcher, prefetch
from worker.bell import Bell
from worker.child.child import Child, ChildDied
from worker.child.messages import Ending, Event, Order, Outcome
from worker.dispatcher import Dispatcher


class FakeChild(Child):
    """Sends the events that the test queues; they can still be received after its death."""

    is_starting = False
    resident_bytes = 0
    latest: "FakeChild"

    def __init__(self, settings) -> None:  # noqa: ARG002
        self.orders: dict[str, Order] = {}
        self.is_dead = self.dies_at_an_order = False
        self.ready = 0
        self._events: list[Event] = []
        self._readable, self._written = socket.socketpair()
        FakeChild.latest = self

    def send(self, token: str, outcome: Outcome | None = None) -> None:
        self._events.append(Event(token, self.ready, outcome))
        self._written.send(b"\0")

    def complete(self, request_id: str) -> None:
        order = self.orders[request_id]
        output = Output(order.token, order.path, "image/jpeg", 1, 1, 1)
        self.send(order.token, Outcome(Ending.DONE, output=output))

    def die(self) -> None:
        self.is_dead = True
        self._written.send(b"\0")

    def await_ready(self) -> None:
        pass

    def fileno(self) -> int:
        return self._readable.fileno()

    def has_ended(self) -> bool:
        return False

    def start(self, order: Order) -> None:
        self.is_dead |= self.dies_at_an_order
        self._check_alive()
        self.orders[order.request_id] = order

    def drop(self, token: str) -> None:  # noqa: ARG002
        self._check_alive()

    def event(self) -> Event | None:
        if self._events:
            return self._events.pop(0)
        self._check_alive()
        return None

    def kill(self) -> None:
        self.is_dead = True
        self._readable.close()
        self._written.close()

    def _check_alive(self) -> None:
        if self.is_dead:
            raise ChildDied(-9)


@pytest.fixture
def step(redis, settings):
    """Makes a step and returns the current child."""
    bell = Bell(redis)
    worker = Dispatcher(Transitions(redis, settings), settings, LEASE_OWNER, bell, FakeChild)

    def step() -> FakeChild:
        worker.step(lambda: None)
        return FakeChild.latest

    yield step
    worker.close()
    bell.close()


def test_a_child_that_dies_at_a_request_already_given_back_costs_no_attempt(
    submit, record, step, monkeypatch
):
    first, second = submit(), submit()
    child = step()
    given_back = child.orders[second].token
    child.send(child.orders[first].token)
    monkeypatch.setattr(prefetch, "MAX_WAIT_S", 0)
    step()
    monkeypatch.undo()
    child.complete(first)
    step()
    step()
    assert (record(first).status, record(second).attempts) == (Status.COMPLETED, 1)

    child.send(given_back)
    child.die()
    step()

    successor = step()
    assert successor is not child
    successor.send(successor.orders[second].token)
    successor.complete(second)
    step()
    step()
    assert (record(second).status, record(second).attempts) == (Status.COMPLETED, 1)


def test_a_child_that_dies_before_it_receives_an_order_costs_no_attempt(submit, record, step):
    child = step()
    child.dies_at_an_order = True
    request_id = submit()
    while not child.is_dead:
        step()

    successor = step()
    successor.send(successor.orders[request_id].token)
    successor.complete(request_id)
    step()
    step()

    assert (record(request_id).status, record(request_id).attempts) == (Status.COMPLETED, 1)


def test_a_report_that_redis_cannot_process_is_repeated_without_processing_again(redis, submit, record, step):
    request_id = submit()
    child = step()
    child.send(child.orders[request_id].token)
    child.complete(request_id)
    step()
    redis.set(keyspace.PACE, "of another type")
    del child.orders[request_id]
    step()

    redis.delete(keyspace.PACE)
    step()

    assert (record(request_id).status, record(request_id).attempts) == (Status.COMPLETED, 1)
    assert child.orders == {}


def test_finished_jobs_share_a_round_trip_while_the_child_has_a_backlog(
    redis, submit, record, step, monkeypatch
):
    monkeypatch.setattr(dispatcher, "BATCH_REPORTS_S", 3600)
    requests = [submit() for _ in range(5)]
    child = step()

    def end_next(ready: int) -> str:
        """Finish the started request and start the next one."""
        request_id = requests.pop(0)
        child.ready = ready
        child.complete(request_id)
        if requests[0] in child.orders:
            child.send(child.orders[requests[0]].token)
        step()
        step()
        return request_id

    child.send(child.orders[requests[0]].token)
    alone = end_next(ready=0)
    assert record(alone).status == Status.COMPLETED
    until(lambda: step() and len(child.orders) == 5, "more are claimed")

    first = end_next(ready=3)
    assert record(first).status == Status.PROCESSING

    with recording(redis) as commands:
        second = end_next(ready=1)
    assert {record(each).status for each in (first, second)} == {Status.COMPLETED}
    assert sum(each["command"].startswith("EVALSHA") for each in commands) == 1


def test_closing_the_bell_ends_its_thread(redis):
    bell = Bell(redis)
    bell.arm()

    bell.close()

    until(lambda: "bell" not in {thread.name for thread in threading.enumerate()}, "it ends")
