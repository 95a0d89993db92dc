"""What ends even if nobody asks."""

import time

import pytest

from jobs import keyspace
from jobs.housekeeping import Housekeeping
from jobs.queue import open_queue
from jobs.status import FailureCode, Status
from jobs.store import PictureStore
from jobs.submission import Submission
from jobs.transitions import Transitions

URL = "https://shop.example/shirt.jpg"


@pytest.fixture
def store(settings):
    return PictureStore.open(settings)


@pytest.fixture
def housekeeping(redis, settings, store):
    return Housekeeping(redis, settings, store)


@pytest.fixture
def request_id(redis, settings, store, key_id):
    params = {"base_image": URL, "overlay_image": URL}
    return Submission(redis, settings, store).submit(params, key_id, "http://here.example").request_id


def test_a_request_no_worker_took_in_time_fails_and_leaves_the_queue(
    redis, settings, housekeeping, request_id
):
    redis.zadd(keyspace.DEADLINES, {request_id: 1})

    assert housekeeping.end_late_requests() == 1

    record = Transitions(redis, settings).read(request_id)
    assert record is not None
    assert (record.status, record.code) == (Status.FAILED, FailureCode.TIMEOUT)
    assert open_queue(redis).job_ids == []
    assert not redis.exists(f"rq:job:{request_id}")


def test_a_request_in_time_is_left_alone(redis, settings, housekeeping, request_id):
    assert housekeeping.end_late_requests() == 0

    record = Transitions(redis, settings).read(request_id)
    assert record is not None
    assert record.status is Status.QUEUED


def test_a_deadline_of_a_request_that_is_gone_is_forgotten(redis, housekeeping, request_id):
    redis.delete(keyspace.request(request_id))
    redis.zadd(keyspace.DEADLINES, {request_id: 1})

    assert housekeeping.end_late_requests() == 0
    assert redis.zcard(keyspace.DEADLINES) == redis.zcard(keyspace.WAITING) == 0


def test_one_process_at_a_time_keeps_house(redis, settings, store, housekeeping, request_id):
    housekeeping.run()
    redis.zadd(keyspace.DEADLINES, {request_id: 1})

    Housekeeping(redis, settings, store).run()

    record = Transitions(redis, settings).read(request_id)
    assert record is not None
    assert record.status is Status.QUEUED
    assert 0 < redis.ttl(keyspace.HOUSEKEEPING) <= 10


def test_pictures_past_their_time_are_swept(store, housekeeping):
    old, new = (
        store.new_path("outputs", name, time.time() + after) for name, after in (("a", -120), ("b", 60))
    )
    store.put(old, b"old")
    store.put(new, b"new")

    assert housekeeping.sweep() == 1
    assert store.get(new) == b"new"
