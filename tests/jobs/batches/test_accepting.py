"""Accepting a batch: the records of its requests, and when they can be read."""

import json

import pytest

from jobs import keyspace
from jobs.batches.progress import BatchProgress
from jobs.deletion import Deletion
from jobs.keys.api_key import KeyOptions
from jobs.keys.api_keys import ApiKeys
from jobs.lifecycle.creation import Deadlines, NewRequest
from jobs.lifecycle.moves import IllegalMove, QueueFull
from jobs.lifecycle.options import RequestOptions
from jobs.lifecycle.record import View
from jobs.lifecycle.status import Status
from jobs.pictures.inputs import STORE
from jobs.queries.listing import Listing
from jobs.resubmission import Resubmission
from tests.asking import HERE, OUTPUT, SAMPLES, accept, asked, claim_request, queued, rq_queue
from tests.jobs.batches.conftest import INLINE, LOGO, MORE_THAN_A_CALL, Desk, requests, stored
from tests.redis.recording import recording


def commands(redis, do, beginning):
    """Those that begin so, while something is done."""
    with recording(redis) as recorded:
        do()
    return [each["command"] for each in recorded if each["command"].startswith(beginning)]


def test_all_requests_of_a_batch_are_queued_in_their_order(desk, redis, transitions):
    created = desk.accept(requests(MORE_THAN_A_CALL))

    batch, members = desk.batch(created.batch_id), desk.read("members", created.batch_id, 0, 1000)
    assert (batch.total, batch.queued, batch.entered) == (MORE_THAN_A_CALL,) * 3
    assert (batch.status, batch.key_id, batch.cancelled, batch.expires_at) == (
        Status.QUEUED,
        desk.key_id,
        False,
        None,
    )
    assert [member.custom_id for member in members] == [f"r{nth}" for nth in range(MORE_THAN_A_CALL)]
    ids = [member.request_id for member in members]
    assert redis.zcard(keyspace.WAITING) == redis.zcard(keyspace.DEADLINES) == MORE_THAN_A_CALL
    assert queued(redis, desk.key_id) == ids
    for nth, request_id in enumerate(ids):
        claim = claim_request(transitions, request_id) if nth == 0 else None
        if claim:
            assert claim.params["x_offset"] == 0
        record = transitions.read(request_id)
        assert (record.custom_id, record.params["x_offset"]) == (f"r{nth}", nth)
        assert record.created_at == batch.created_at


def test_a_request_of_a_batch_is_stored_like_a_single_request(desk, redis, transitions, settings):
    alone = accept(settings, asked(settings, desk.key_id, options=RequestOptions(custom_id="one")))
    [member] = desk.read("members", desk.accept([(SAMPLES, RequestOptions(custom_id="one"))]).batch_id, 0, 10)

    records = [redis.hgetall(keyspace.request(each)) for each in (alone.request_id, member.request_id)]
    jobs = [redis.hgetall(f"rq:job:{each}") for each in (alone.request_id, member.request_id)]
    assert records[1].pop(b"batch")
    assert records[1] | {b"created_at": b""} == records[0] | {b"created_at": b""}
    stamps = {b"created_at": b"", b"enqueued_at": b""}
    assert jobs[0] | stamps == jobs[1] | stamps
    assert rq_queue(redis, desk.key_id).fetch_job(member.request_id).is_queued


def test_requests_of_a_batch_are_in_the_lists_of_their_key_newest_first(desk, redis):
    sent = requests(30)
    created = desk.accept(sent)
    ids, listing = desk.ids(created.batch_id), Listing(redis)

    pages, before = list[str](), None
    while True:
        page = listing.page(desk.key_id, limit=7, before=before)
        pages += [record.request_id for record in page.records]
        if page.next is None:
            break
        before = page.next

    assert pages == ids[::-1], "each has a place of its own"
    [found] = listing.page(desk.key_id, custom_id="r3").records
    assert found.request_id == ids[3]


def test_credits_of_all_requests_are_held(desk, keys, redis):
    rich = Desk(redis, desk.settings, keys.create("rich", KeyOptions(credits=10))[0].key_id)

    created = rich.accept(requests(7))

    key = keys.get(rich.key_id)
    assert (created.credits, key.credits, key.held) == (3, 3, 7)


def test_a_batch_whose_last_request_could_not_start_in_time_is_refused(desk, redis):
    redis.hset(keyspace.PACE, "job", 1000)
    redis.sadd(keyspace.RQ_WORKERS, "rq:worker:one")

    with pytest.raises(QueueFull) as refused:
        desk.accept(requests(11), deadlines=Deadlines(10, 60))
    desk.accept(requests(10), deadlines=Deadlines(10, 60))

    assert (refused.value.scope, refused.value.limit) == ("time", 10)


def test_an_accepted_batch_completes_although_its_key_is_revoked(desk, redis, transitions):
    batch_id = desk.accept_and_die(requests(3))
    ApiKeys(redis).revoke(desk.key_id)

    BatchProgress(redis, desk.settings).enqueue(batch_id)
    for request_id in desk.ids(batch_id):
        transitions.complete(request_id, claim_request(transitions, request_id).attempt, OUTPUT, {})

    assert desk.counts(batch_id) == (0, 0, 3, 0)
    assert not redis.exists(keyspace.api_key(desk.key_id))


def test_inline_pictures_go_to_the_store_and_shared_ones_only_once(desk, transitions):
    shared = {"overlay_image": INLINE}
    sent = [
        (SAMPLES | shared | {"mask": INLINE if nth == 2 else "data:;base64," + INLINE}, RequestOptions())
        for nth in range(3)
    ]

    created = desk.accept(sent, shared=shared)

    records = [transitions.read(request_id) for request_id in desk.ids(created.batch_id)]
    paths = {record.params["overlay_image"] for record in records}
    assert len(paths) == 1
    assert desk.store.get(paths.pop().removeprefix(STORE)) == LOGO
    assert records[2].params["mask"] == records[2].params["overlay_image"]
    assert len(stored(desk.settings)) == 3, "one for all, and the masks of two"


def test_own_pictures_are_looked_up_together(desk, redis, transitions, settings):
    first = accept(settings, asked(settings, desk.key_id)).request_id
    transitions.complete(first, claim_request(transitions, first).attempt, OUTPUT, {})
    own = f"{HERE}/pictures/{OUTPUT.file_name}"
    sent = [(SAMPLES | {"mask": own, "x_offset": nth}, RequestOptions()) for nth in range(30)]

    looked_up = commands(redis, lambda: desk.stage(sent), f"HMGET {keyspace.picture(OUTPUT.token)}")
    assert len(looked_up) == 1


def test_requests_that_were_added_together_have_separate_inputs(desk, redis, transitions):
    """So that one can be deleted with what came within it."""
    created = desk.accept([(SAMPLES | {"mask": INLINE}, RequestOptions())] * 2, together=True)
    first, second = desk.ids(created.batch_id)
    transitions.complete(first, claim_request(transitions, first).attempt, OUTPUT, {})

    Deletion(redis, desk.store).delete(first)

    assert desk.store.get(transitions.read(second).params["mask"].removeprefix(STORE)) == LOGO


def test_a_shared_picture_is_not_deleted_with_one_request(desk, transitions, redis):
    shared = {"overlay_image": INLINE}
    created = desk.accept([(SAMPLES | shared, RequestOptions())] * 2, shared=shared)
    first, second = desk.ids(created.batch_id)
    transitions.complete(first, claim_request(transitions, first).attempt, OUTPUT, {})

    Deletion(redis, desk.store).delete(first)

    path = transitions.read(second).params["overlay_image"].removeprefix(STORE)
    assert desk.store.get(path) == LOGO
    assert desk.read("records", desk.read("members", created.batch_id, 0, 2), View.LISTED)[0] is None


def test_a_resubmitted_request_of_a_batch_belongs_to_no_batch(desk, redis, transitions):
    created = desk.accept(requests(1))
    [request_id] = desk.ids(created.batch_id)
    transitions.complete(request_id, claim_request(transitions, request_id).attempt, OUTPUT, {})

    again = Resubmission(redis, desk.settings, desk.store).resubmit(request_id)

    assert not redis.hexists(keyspace.request(again.request_id), "batch")
    assert desk.counts(created.batch_id) == (0, 0, 1, 0)


def test_a_request_cannot_be_read_before_its_batch_is_accepted(desk, redis, transitions):
    batch_id = desk.stage(requests(2))

    [first, _] = redis.lrange(keyspace.batch_requests(batch_id), 0, -1)
    request_id = first.decode().partition(" ")[0]
    assert redis.exists(keyspace.request(request_id))
    assert desk.read("batch", batch_id) is None
    assert Listing(redis).page(desk.key_id).records == []
    with pytest.raises(IllegalMove, match="missing"):
        transitions.expire(request_id)
    assert json.loads(redis.hget(keyspace.request(request_id), "params"))["x_offset"] == 0


def test_the_batches_of_a_key_are_listed_newest_first(desk, redis):
    ids = [desk.accept(requests(1)).batch_id for _ in range(5)]
    Desk(redis, desk.settings, ApiKeys(redis).create("another")[0].key_id).accept(requests(1))

    first = desk.read("page", desk.key_id, 2)
    second = desk.read("page", desk.key_id, 2, first.next)
    third = desk.read("page", desk.key_id, 2, second.next)

    listed = [batch.batch_id for page in (first, second, third) for batch in page.batches]
    assert (listed, third.next) == (ids[::-1], None)


def test_the_archive_of_a_batch_has_its_own_name(desk):
    created = desk.accept(requests(1))
    batch = desk.batch(created.batch_id)

    assert desk.read("of_archive", batch.archive) == batch
    assert len(batch.archive) == 32
    assert desk.read("of_archive", "guessed") is None


def test_a_single_request_writes_no_key_of_batches(transitions, redis, key_id):
    transitions.create(NewRequest("5476801e-1a31-4475-8dbb-58e6b9ddfa68", key_id, {}))

    assert not [key for key in redis.keys("*") if b"batch" in key or b"entering" in key]
