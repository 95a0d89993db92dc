"""The same Idempotency-Key: the same batch, or a conflict."""

import asyncio

import pytest

from jobs import keyspace
from jobs.keys.api_key import KeyOptions
from jobs.lifecycle.creation import IdempotencyConflict
from jobs.lifecycle.options import RequestOptions
from tests.asking import SAMPLES, accept, asked
from tests.jobs.batches.conftest import INLINE, MORE_THAN_A_CALL, Desk, requests, stored


def test_a_repeated_batch_returns_the_first(desk, redis, keys):
    rich = Desk(redis, desk.settings, keys.create("rich", KeyOptions(credits=10))[0].key_id)
    first = rich.accept(requests(8), "same", idempotency_key="once")

    again = rich.accept(requests(8), "same", idempotency_key="once")

    assert (again.batch_id, again.replayed, again.credits) == (first.batch_id, True, 2)
    assert redis.zcard(keyspace.WAITING) == 8
    assert len(redis.keys(keyspace.request("*"))) == 8, "the repeated requests are dropped"
    assert redis.zcard(keyspace.OPEN_BATCHES) == 1


def test_a_batch_that_arrives_twice_at_the_same_time_is_accepted_once(desk, redis):
    made = []

    def accept_meanwhile():
        return desk.accept(requests(MORE_THAN_A_CALL), "same", idempotency_key="once")

    async def accept_slowly():
        async with await desk._open(idempotency_key="once") as batch:
            await batch.add(requests(MORE_THAN_A_CALL))
            made.append(await asyncio.to_thread(accept_meanwhile))
            return await batch.commit("same")

    second = asyncio.run(accept_slowly())

    assert (second.batch_id, second.replayed) == (made[0].batch_id, True)
    assert len(redis.keys(keyspace.request("*"))) == MORE_THAN_A_CALL
    assert redis.zcard(keyspace.OPEN_BATCHES) == 1


@pytest.mark.parametrize("inline", [True, False])
def test_nothing_is_stored_of_a_batch_that_was_accepted_before(desk, redis, inline):
    sent = [(SAMPLES | ({"mask": INLINE} if inline else {}), RequestOptions())] * MORE_THAN_A_CALL
    desk.accept(sent, "same", shared={"overlay_image": INLINE}, idempotency_key="once")
    before, files = redis.dbsize(), stored(desk.settings)

    async def begin_again():
        batch = await desk._open(idempotency_key="once")
        await batch.share({"overlay_image": INLINE})
        await batch.add(sent)

    asyncio.run(begin_again())

    assert (redis.dbsize(), stored(desk.settings)) == (before, files)


@pytest.mark.parametrize("first", ["batch", "request"])
def test_another_batch_with_the_same_idempotency_key_is_a_conflict(desk, redis, settings, first):
    alone = asked(settings, desk.key_id, idempotency_key="once")
    if first == "batch":
        desk.accept(requests(2), "first", idempotency_key="once")
        with pytest.raises(IdempotencyConflict):
            accept(settings, alone)
    else:
        accept(settings, alone)
    before = redis.zcard(keyspace.WAITING)

    with pytest.raises(IdempotencyConflict):
        desk.accept(requests(3), "other", idempotency_key="once")

    assert redis.zcard(keyspace.WAITING) == before


def test_the_idempotency_key_of_an_expired_batch_can_be_used_again(desk, redis):
    first = desk.accept(requests(1), "first", idempotency_key="once")
    redis.delete(keyspace.batch(first.batch_id))

    second = desk.accept(requests(1), "second", idempotency_key="once")

    assert not second.replayed
