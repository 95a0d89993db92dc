"""A batch is accepted as a whole or not at all, and a refused batch leaves nothing behind."""

from typing import Any

import pytest
from redis.exceptions import ResponseError

from jobs import keyspace
from jobs.batches.opening import STAGE_MAX_REQUESTS, InvalidRequests
from jobs.batches.progress import BatchProgress
from jobs.keys.api_key import KeyOptions
from jobs.keys.api_keys import ApiKeys
from jobs.lifecycle.moves import IllegalMove, NotEnoughCredits, QueueFull
from jobs.lifecycle.options import RequestOptions
from tests.asking import HERE, SAMPLES
from tests.jobs.batches.conftest import INLINE, MORE_THAN_A_CALL, Desk, requests, stored


def limited(desk: Desk, **bounds: Any) -> Desk:
    return Desk(desk.redis, desk.settings.model_copy(update=bounds), desk.key_id)


def nothing_is_left(desk: Desk) -> bool:
    """Of any batch, except the key."""
    left = set(desk.redis.keys("*")) - {keyspace.API_KEYS.encode(), *desk.redis.keys("*:key*")}
    account = desk.redis.hmget(keyspace.api_key(desk.key_id), "held", "entering")
    return not left and not any(int(count or 0) for count in account) and not stored(desk.settings)


def test_credits_for_half_of_a_batch_are_not_enough(desk, keys, redis):
    poor = Desk(redis, desk.settings, keys.create("poor", KeyOptions(credits=35))[0].key_id)

    with pytest.raises(NotEnoughCredits) as refused:
        poor.accept(requests(MORE_THAN_A_CALL))

    assert (refused.value.balance, refused.value.needed) == (35, MORE_THAN_A_CALL)
    assert keys.get(poor.key_id).credits == 35
    assert nothing_is_left(poor)


@pytest.mark.parametrize(("bound", "whose"), [("max_waiting", "all"), ("max_waiting_per_key", "key")])
def test_capacity_for_half_of_a_batch_is_not_enough(desk, bound, whose):
    small = limited(desk, **{bound: MORE_THAN_A_CALL // 2})

    with pytest.raises(QueueFull) as refused:
        small.accept(requests(MORE_THAN_A_CALL))

    assert (refused.value.scope, refused.value.limit) == (whose, MORE_THAN_A_CALL // 2)
    assert nothing_is_left(small)
    limited(desk, **{bound: MORE_THAN_A_CALL}).accept(requests(MORE_THAN_A_CALL))


def test_a_batch_is_refused_before_it_is_read_if_no_request_would_be_accepted(desk, keys, redis):
    poor = Desk(redis, desk.settings, keys.create("poor", KeyOptions(credits=0))[0].key_id)
    full = limited(desk, max_waiting=1)
    full.accept(requests(1))

    with pytest.raises(NotEnoughCredits):
        poor.stage([])
    with pytest.raises(QueueFull):
        full.stage([])


@pytest.mark.parametrize(("bound", "whose"), [("max_waiting", "all"), ("max_undelivered_per_key", "events")])
def test_no_more_requests_are_stored_than_may_be_accepted(desk, bound, whose):
    """The length of a stream is unknown, so Redis must not fill up before its end."""
    small = limited(desk, **{bound: MORE_THAN_A_CALL})
    stored_at_most = 0

    def sent():
        nonlocal stored_at_most
        options = RequestOptions(webhook_url="https://example.com/")
        for params, _ in requests(4 * MORE_THAN_A_CALL):
            yield params, options
            stored_at_most = max(stored_at_most, len(desk.redis.keys(keyspace.request("*"))))

    with pytest.raises(QueueFull) as refused:
        small.accept(sent())

    assert (refused.value.scope, refused.value.limit) == (whose, MORE_THAN_A_CALL)
    assert stored_at_most == STAGE_MAX_REQUESTS
    assert nothing_is_left(small)


def test_a_fault_beyond_the_capacity_is_found(desk):
    small = limited(desk, max_waiting=1)
    bad = ({"base_image": INLINE, "overlay_image": "@@@"}, RequestOptions())

    with pytest.raises(InvalidRequests):
        small.accept([*requests(2 * MORE_THAN_A_CALL), bad])

    assert nothing_is_left(small)


def test_accepted_requests_that_are_not_queued_yet_use_capacity(desk, redis, key_id):
    """A batch whose API died right after it was accepted."""
    small = limited(desk, max_waiting=10, max_waiting_per_key=8)
    batch_id = small.accept_and_die(requests(6))
    another = Desk(redis, small.settings, ApiKeys(redis).create("another")[0].key_id)

    with pytest.raises(QueueFull) as of_key:
        small.accept(requests(3))
    with pytest.raises(QueueFull) as of_all:
        another.accept(requests(5))
    small.accept(requests(2))

    assert (of_key.value.scope, of_all.value.scope) == ("key", "all")
    BatchProgress(redis, desk.settings).enqueue(batch_id)
    assert redis.hget(keyspace.api_key(key_id), "entering") == redis.get(keyspace.ENTERING) == b"0"
    assert redis.zcard(keyspace.key_queue(key_id)) == 8


def test_a_batch_is_refused_if_its_key_is_revoked_while_it_arrives(desk, redis):
    def sent():
        yield from requests(MORE_THAN_A_CALL)
        ApiKeys(redis).revoke(desk.key_id)

    with pytest.raises(IllegalMove, match="revoked"):
        desk.accept(sent())

    assert not redis.keys(keyspace.request("*"))
    assert not redis.exists(keyspace.api_key(desk.key_id), keyspace.OPEN_BATCHES)


def test_unusable_pictures_are_named_and_nothing_is_stored(desk):
    sent = requests(MORE_THAN_A_CALL)
    sent.append(
        (
            {"base_image": INLINE, "overlay_image": "@@@", "mask": f"{HERE}/pictures/gone.png"},
            RequestOptions(),
        )
    )

    with pytest.raises(InvalidRequests) as refused:
        desk.accept(sent)

    assert set(refused.value.faults[0]) == {"overlay_image", "mask"}
    assert nothing_is_left(desk)


def test_faults_of_requests_that_are_added_together_are_named_by_index(desk):
    gone = f"{HERE}/pictures/gone.png"
    sent = requests(5)
    for place, faulty in ((1, {"mask": gone}), (3, {"mask": "@@@", "overlay_image": gone})):
        sent[place] = (sent[place][0] | faulty, RequestOptions())

    with pytest.raises(InvalidRequests) as refused:
        desk.stage(sent)

    assert {place: set(faults) for place, faults in refused.value.faults.items()} == {
        1: {"mask"},
        3: {"mask", "overlay_image"},
    }
    assert "does not exist" in refused.value.faults[1]["mask"]


def test_a_shared_base_that_is_not_a_jpeg_is_refused_with_keep(desk):
    shared = {"base_image": INLINE}

    with pytest.raises(InvalidRequests, match="needs a JPEG"):
        desk.accept([(SAMPLES | shared | {"image_quality": "keep"}, RequestOptions())], shared=shared)

    assert nothing_is_left(desk)


def test_a_batch_that_breaks_off_leaves_nothing(desk):
    def sent():
        yield from [(SAMPLES | {"overlay_image": INLINE}, RequestOptions())] * MORE_THAN_A_CALL
        raise ConnectionError

    with pytest.raises(ConnectionError):
        desk.accept(sent())

    assert nothing_is_left(desk)


def test_a_full_redis_accepts_no_part_of_a_batch(desk, redis):
    def sent():
        yield from requests(MORE_THAN_A_CALL)
        redis.config_set("maxmemory", "1")

    try:
        with pytest.raises(ResponseError):
            desk.accept(sent())
    finally:
        redis.config_set("maxmemory", "0")

    assert nothing_is_left(desk)
