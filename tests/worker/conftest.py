"""Requests to work on, without an API."""

import pytest

from jobs.record import Record
from jobs.store import PictureStore
from jobs.submission import Submission
from jobs.transitions import Transitions

HERE = "http://here.example"
SAMPLES = {"base_image": f"{HERE}/samples/cup.jpg", "overlay_image": f"{HERE}/samples/logo.png"}


@pytest.fixture
def submit(redis, settings, key_id):
    """Accepts a request, of the samples where nothing else is said, and returns its id."""

    def submit(**params: object) -> str:
        submission = Submission(redis, settings, PictureStore.open(settings))
        return submission.submit(SAMPLES | params, key_id, HERE).request_id

    return submit


@pytest.fixture
def record(redis, settings):
    """Reads a request that there is."""

    def record(request_id: str) -> Record:
        found = Transitions(redis, settings).read(request_id)
        assert found is not None
        return found

    return record
