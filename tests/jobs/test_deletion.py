"""Deleting requests: what is deleted, what stays, and reports that arrive too late."""

import base64

import pytest
from obstore.exceptions import GenericError

from jobs import keyspace
from jobs.deletion import Deletion
from jobs.lifecycle.moves import Failure, IllegalMove
from jobs.lifecycle.options import RequestOptions
from jobs.lifecycle.output import Output
from jobs.lifecycle.status import FailureCode
from jobs.pictures.inputs import sample_bytes
from jobs.pictures.store import PictureStore, new_token
from tests.asking import HERE, SAMPLES, accept, asked, claim_request

INLINE = base64.b64encode(sample_bytes("logo.png") or b"").decode()
CANCELLED = Failure(FailureCode.CANCELLED, "cancelled by its owner")


@pytest.fixture
def deletion(redis, store):
    return Deletion(redis, store)


@pytest.fixture
def submit(redis, settings, store, key_id):
    """Submits with one picture within the request."""

    def submit(**more):
        params = SAMPLES | {"overlay_image": INLINE}
        command = asked(settings, key_id, params | more.pop("params", {}), **more)
        return accept(settings, command, store).request_id

    return submit


@pytest.fixture
def complete(transitions, store):
    """Completes a request; returns its output."""

    def complete(request_id):
        path = store.new_path("outputs", new_token(), 2e9)
        store.put(path, b"a picture")
        output = Output(path.rpartition("/")[2], path, "image/png", 9, 4, 3)
        claim_request(transitions, request_id)
        transitions.complete(request_id, 1, output, {})
        return output

    return complete


def files(settings):
    return [path for path in (settings.data_dir / "store").rglob("*") if path.is_file()]


def names_of(redis, request_id):
    """Keys that are called by a request's id, or have it in them."""
    found = {key.decode() for key in redis.scan_iter() if request_id.encode() in key}
    for key in redis.scan_iter(_type="zset"):
        if redis.zscore(key, request_id) is not None:
            found.add(key.decode())
    return found


def test_a_deletion_leaves_nothing_of_the_request(redis, settings, submit, complete, deletion):
    before = set(redis.scan_iter())
    request_id = submit(idempotency_key="once", options=RequestOptions(custom_id="one"))
    output = complete(request_id)
    assert len(files(settings)) == 2
    assert redis.exists(keyspace.picture(output.token))

    deletion.delete(request_id)

    assert files(settings) == []
    assert names_of(redis, request_id) == set()
    left = {key for key in set(redis.scan_iter()) - before if key.startswith(keyspace.PREFIX.encode())}
    assert left <= {keyspace.PACE.encode(), keyspace.BELL.encode()}


def test_the_same_submit_creates_a_new_request_after_a_deletion(submit, complete, deletion):
    first = submit(idempotency_key="once")
    complete(first)

    deletion.delete(first)

    assert submit(idempotency_key="once") != first


@pytest.mark.parametrize("claimed", [False, True])
def test_an_unfinished_request_is_not_deleted(settings, submit, transitions, deletion, claimed):
    request_id = submit()
    if claimed:
        claim_request(transitions, request_id)

    with pytest.raises(IllegalMove, match="unfinished"):
        deletion.delete(request_id)

    assert transitions.read(request_id) is not None
    assert len(files(settings)) == 1


def test_a_missing_request_cannot_be_deleted(submit, complete, deletion):
    request_id = submit()
    complete(request_id)
    deletion.delete(request_id)

    for gone in (request_id, "unknown"):
        with pytest.raises(IllegalMove, match="missing"):
            deletion.delete(gone)


def test_a_report_after_the_deletion_restores_nothing(redis, submit, transitions, deletion):
    request_id = submit()
    claim_request(transitions, request_id)
    transitions.cancel(request_id, CANCELLED)
    deletion.delete(request_id)
    output = Output("late", "outputs/20300101T0000/late", "image/png", 9, 4, 3)

    for report in (
        lambda: transitions.complete(request_id, 1, output, {}),
        lambda: transitions.fail(request_id, 1, CANCELLED, {}),
        lambda: transitions.renew(request_id, 1),
        lambda: transitions.retry(request_id, 1, CANCELLED),
        lambda: transitions.give_back(request_id, 1),
    ):
        with pytest.raises(IllegalMove, match="missing"):
            report()

    assert names_of(redis, request_id) == set()
    assert not redis.exists(keyspace.picture("late"))


def test_pictures_of_others_are_kept(settings, redis, submit, complete, deletion):
    first = submit()
    output = complete(first)
    second = submit(params={"base_image": f"{HERE}/pictures/{output.token}.png"})
    complete(second)

    deletion.delete(second)

    assert redis.exists(keyspace.picture(output.token))
    assert len(files(settings)) == 2, "input and output of the first"


def test_inputs_of_a_failed_request_without_parameters_are_deleted(settings, submit, transitions, deletion):
    request_id = submit(params={"base_image": f"https://shop.example/{'a' * 2000}.png"})
    transitions.cancel(request_id, CANCELLED)
    assert transitions.read(request_id).params == {}

    deletion.delete(request_id)

    assert files(settings) == []


class BrokenStore(PictureStore):
    def delete(self, paths):
        raise GenericError(f"no answer, {len(paths)} pictures stay")


def test_while_the_store_fails_the_request_stays_and_can_be_deleted_again(
    redis, settings, submit, complete, deletion, transitions
):
    request_id = submit()
    complete(request_id)

    with pytest.raises(GenericError):
        Deletion(redis, BrokenStore.open(settings)).delete(request_id)

    assert transitions.read(request_id) is not None
    deletion.delete(request_id)
    assert files(settings) == []


def test_a_full_redis_accepts_a_deletion(redis, submit, complete, deletion):
    request_id = submit()
    complete(request_id)
    redis.config_set("maxmemory", "1")
    try:
        deletion.delete(request_id)
    finally:
        redis.config_set("maxmemory", "0")

    assert names_of(redis, request_id) == set()


def test_a_deletion_does_not_change_credits(redis, key_id, submit, complete, deletion):
    redis.hset(keyspace.api_key(key_id), "credits", 5)
    request_id = submit()
    complete(request_id)
    before = redis.hgetall(keyspace.api_key(key_id))

    deletion.delete(request_id)

    assert redis.hgetall(keyspace.api_key(key_id)) == before
