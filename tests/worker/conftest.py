"""Requests to work on, without an API."""

import pytest

from jobs.lifecycle.deadlines import Deadlines
from jobs.lifecycle.record import Record
from jobs.lifecycle.transitions import Transitions
from jobs.pictures.store import PictureStore
from jobs.submission import Submission
from tests.asking import SAMPLES, asked


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
