"""Requests without an API, and helpers to run workers and children."""

import select
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from jobs.config.settings import Settings
from jobs.lifecycle.creation import Deadlines
from jobs.lifecycle.record import Record
from jobs.lifecycle.transitions import Transitions
from jobs.redis.connection import connect_worker
from tests import warm
from tests.asking import SAMPLES, accept, asked
from worker.child.child import Child
from worker.child.messages import Order, Outcome
from worker.warm_worker import WarmWorker


@pytest.fixture
def submit(redis, settings, key_id):
    """Accepts a request, by default of the sample pictures, and returns its id."""

    def submit(deadlines: Deadlines | None = None, **params: object) -> str:
        request = asked(
            settings, key_id, SAMPLES | params, deadlines=deadlines or Deadlines.default(settings)
        )
        return accept(settings, request).request_id

    return submit


@pytest.fixture
def record(redis, settings):
    """Reads the record of an existing request."""

    def record(request_id: str) -> Record:
        found = Transitions(redis, settings).read(request_id)
        assert found is not None
        return found

    return record


class ForkedChild(Child):
    """Forked from a process that has loaded its modules, which takes a tenth of the time of starting one.

    It finds the modules of the tests, and its memory is not laid out as a started one's.
    """

    def start_process(self, pipe: int) -> Any:
        return warm.start_child(pipe) if sys.platform == "linux" else super().start_process(pipe)


def new_worker(settings: Settings, child: type[Child] = ForkedChild) -> WarmWorker:
    return WarmWorker(connect_worker(settings), settings, child)


def work(settings: Settings, child: type[Child] = ForkedChild, *, burst: bool = True) -> None:
    """Process requests: all, or with `burst=False` until a signal arrives."""
    new_worker(settings, child).work(burst=burst)


def outcome_of(child: Child, order: Order, timeout_s: float = 60) -> Outcome | None:
    """The child's outcome of an order; None if it is not finished in time. Raises `ChildDied`."""
    child.start(order)
    until = time.monotonic() + timeout_s
    while (left_s := until - time.monotonic()) > 0:
        while event := child.event():
            if event.outcome:
                return event.outcome
        select.select([child], [], [], min(left_s, 1))
    return None


class Started:
    """The process ids of children of the class `child`, whose program can be removed."""

    def __init__(self, folder: Path, before: str = "") -> None:
        self._pids = folder / "started"
        self._program = folder / "python"
        self._program.write_text(
            f'#!/bin/sh\necho $$ >>"{self._pids}"\n{before}\nexec "{sys.executable}" "$@"\n'
        )
        self._program.chmod(0o755)
        self.child = type("StartedChild", (Child,), {"python": str(self._program)})

    @property
    def pids(self) -> list[int]:
        return [int(line) for line in self._pids.read_text().split()]

    def remove_program(self) -> None:
        self._program.unlink()


@pytest.fixture
def started(tmp_path):
    return Started(tmp_path)
