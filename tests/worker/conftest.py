"""Requests to work on, without an API, and children that write down that they were started."""

import sys
from pathlib import Path

import pytest

from jobs.lifecycle.deadlines import Deadlines
from jobs.lifecycle.record import Record
from jobs.lifecycle.transitions import Transitions
from jobs.pictures.store import PictureStore
from jobs.submission import Submission
from tests.asking import SAMPLES, asked
from worker.child.child import Child


@pytest.fixture
def submit(redis, settings, key_id):
    """Accepts a request, of the samples where nothing else is said, and returns its id."""

    def submit(deadlines: Deadlines | None = None, **params: object) -> str:
        submission = Submission(redis, settings, PictureStore.open(settings))
        wish = asked(settings, key_id, SAMPLES | params, deadlines=deadlines or Deadlines.default(settings))
        return submission.submit(wish).request_id

    return submit


@pytest.fixture
def record(redis, settings):
    """Reads a request that there is."""

    def record(request_id: str) -> Record:
        found = Transitions(redis, settings).read(request_id)
        assert found is not None
        return found

    return record


class Started:
    """The process ids of children of the class `child`, whose program can be taken away."""

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
