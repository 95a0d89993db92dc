"""Authentication and rate limits: the admission step on a real Redis."""

import asyncio
import time
from collections.abc import Callable, Iterator

import pytest

from jobs import keyspace
from jobs.config.settings import Settings
from jobs.keys.admission import Admission, Bucket, Call
from jobs.keys.api_key import KeyOptions
from jobs.keys.key_rules import Scope, digest, new_key
from jobs.keys.rates import Rate
from jobs.lifecycle.record import View
from jobs.queries.reading import Reader
from jobs.redis.connection import connect_async
from tests.redis.way import Way

SLOW = Rate(3, 86400)  # a test is over before one more call is allowed

Admit = Callable[..., Admission]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(
        update={
            "rate_limit": SLOW,
            "rate_limit_reads": Rate(5, 86400),
            "rate_limit_anonymous": Rate(2, 86400),
        }
    )


@pytest.fixture
def admit(settings: Settings) -> Iterator[Admit]:
    with asyncio.Runner() as runner:
        redis = connect_async(settings)
        reader = Reader(redis, settings)

        def admit(presented: str, bucket: Bucket = Bucket.SUBMIT, address: str = "192.0.2.1") -> Admission:
            return runner.run(reader.admit(Call(presented, address, bucket)))

        yield admit
        runner.run(redis.aclose())


def test_a_valid_key_is_recognised_with_its_scopes_and_credits(admit, keys):
    record, key = keys.create("shop", KeyOptions(credits=7, scopes=(Scope.UPLOAD,)))

    caller = admit(key).caller

    assert caller is not None
    assert (caller.key_id, caller.credits, caller.scopes) == (record.key_id, 7, {Scope.UPLOAD})


@pytest.mark.parametrize("presented", ["", "si_", "no such key", "ключ", "a" * 5000])
def test_an_invalid_key_has_no_caller(admit, keys, presented):
    keys.create("shop")

    assert admit(presented).caller is None


def test_a_revoked_key_has_no_caller_at_once(admit, keys):
    record, key = keys.create("shop")
    assert admit(key).caller

    keys.revoke(record.key_id)

    assert admit(key).caller is None


def test_an_expired_key_has_no_caller(admit, keys, redis):
    record, key = keys.create("shop", KeyOptions(expires_in_s=3600))
    assert admit(key).caller

    redis.hset(keyspace.api_key(record.key_id), "expires_at", 1)

    assert admit(key).caller is None


def test_old_and_new_text_are_one_caller_with_one_limit(admit, keys):
    record, old = keys.create("shop")
    new = keys.rotate(record.key_id)

    found = [admit(text) for text in (old, new)]

    assert [each.caller.key_id for each in found] == [record.key_id] * 2
    assert [each.limit.remaining for each in found] == [2, 1]


def test_an_entry_that_leads_to_a_key_of_another_text_opens_nothing(admit, keys, redis):
    record, _ = keys.create("shop")
    other = new_key()
    redis.set(keyspace.key_digest(digest(other)), record.key_id)

    assert admit(other).caller is None


def test_last_use_is_remembered(admit, keys):
    record, key = keys.create("shop")

    admit(key)

    assert keys.get(record.key_id).last_used_at == pytest.approx(time.time(), abs=60)


def test_a_call_beyond_the_rate_is_refused_with_the_time_to_wait(admit, keys):
    _, key = keys.create("shop")

    limits = [admit(key).limit for _ in range(4)]

    assert [limit.remaining for limit in limits] == [2, 1, 0, 0]
    assert [limit.wait_s == 0 for limit in limits] == [True, True, True, False]
    assert limits[3].wait_s == pytest.approx(86400 / 3, rel=0.01)
    assert limits[3].full_in_s == pytest.approx(86400, rel=0.01)
    assert (limits[3].rate, limits[3].bucket) == (SLOW, Bucket.SUBMIT)


def test_a_clock_that_went_back_costs_no_more_than_a_call_of_waiting(admit, keys, redis):
    record, key = keys.create("shop", KeyOptions(rate=Rate(60, 60)))
    in_a_day = (time.time() + 86_400) * 1000
    redis.set(keyspace.bucket(Bucket.SUBMIT, record.key_id), in_a_day, px=86_400_000)

    limit = admit(key).limit

    assert 0 < limit.wait_s <= 1.001
    assert limit.full_in_s <= 60


def test_a_refused_call_does_not_make_the_wait_longer(admit, keys):
    _, key = keys.create("shop")
    for _ in range(3):
        admit(key)

    waits = [admit(key).limit.wait_s for _ in range(5)]

    assert max(waits) == waits[0]


def test_calls_are_allowed_again_as_time_passes(admit, keys, redis):
    record, key = keys.create("shop")
    for _ in range(4):
        admit(key)
    bucket = keyspace.bucket(Bucket.SUBMIT, record.key_id)

    redis.set(bucket, float(redis.get(bucket)) - 2 * 86400 * 1000 / 3)  # two thirds of a day later

    assert [admit(key).limit.wait_s == 0 for _ in range(3)] == [True, True, False]


def test_buckets_do_not_starve_each_other_and_keys_do_not_either(admit, keys):
    (_, key), (_, other) = keys.create("shop"), keys.create("other")
    for _ in range(4):
        admit(key)

    assert admit(key, Bucket.READ).limit.remaining == 4
    assert admit(other).limit.remaining == 2


def test_a_key_may_have_a_rate_of_its_own_for_submits(admit, keys):
    _, key = keys.create("shop", KeyOptions(rate=Rate(100, 3600)))
    _, free = keys.create("free", KeyOptions(rate=Rate.parse("unlimited")))

    assert admit(key).limit.rate == Rate(100, 3600)
    assert admit(key, Bucket.READ).limit.rate == Rate(5, 86400)
    assert admit(free).limit is None


def test_callers_without_a_key_are_limited_by_address(admit, keys):
    assert [admit("wrong").limit.wait_s == 0 for _ in range(3)] == [True, True, False]

    assert admit("", Bucket.READ).limit.wait_s > 0
    assert admit("wrong", address="192.0.2.2").limit.remaining == 1
    _, key = keys.create("shop")
    assert admit(key).limit.wait_s == 0, "a key is not punished for its neighbours"


def test_pictures_without_a_key_have_the_readers_rate(admit):
    limit = admit("", Bucket.PICTURE).limit

    assert (limit.bucket, limit.remaining) == (Bucket.PICTURE, 4)


def test_guesses_of_keys_are_no_faster_at_pictures(admit):
    limit = admit("wrong", Bucket.PICTURE).limit

    assert (limit.bucket, limit.remaining) == (Bucket.ANONYMOUS, 1)


def test_a_rate_faster_than_clocks_can_tell_apart_lets_calls_in(admit, keys):
    _, key = keys.create("shop", KeyOptions(rate=Rate(999_999_999, 1)))

    assert [admit(key).limit.wait_s for _ in range(3)] == [0, 0, 0]


def test_a_full_bucket_leaves_nothing_in_redis_for_ever(admit, keys, redis):
    _, key = keys.create("shop")
    admit(key)
    admit("wrong")

    buckets = list(redis.scan_iter(keyspace.bucket("*", "*")))
    assert len(buckets) == 2
    assert all(0 < redis.pttl(bucket) <= 86400_000 for bucket in buckets)


def test_a_bucket_in_use_does_not_expire_although_it_is_full_soon(admit, keys, redis):
    """Redis deletes what has expired when it is looked for, and writes that to the disk."""
    record, key = keys.create("shop", KeyOptions(rate=Rate(1_000_000, 60)))
    admit(key)

    assert redis.pttl(keyspace.bucket(Bucket.SUBMIT, record.key_id)) > 30_000


def test_the_step_survives_a_redis_that_forgot_its_scripts(admit, keys, redis):
    _, key = keys.create("shop")
    admit(key)
    redis.script_flush()

    assert admit(key).caller


def test_a_call_whose_answer_is_lost_is_repeated_and_takes_no_more(redis, settings, keys, redis_socket):
    _, key = keys.create("shop")

    async def admit(way: Way) -> list[tuple[int, bool]]:
        url = f"redis://127.0.0.1:{way.port}/1"
        async with connect_async(settings.model_copy(update={"redis_url": url})) as redis:
            reader = Reader(redis, settings)
            call = Call(key, "192.0.2.1", Bucket.SUBMIT)
            await reader.request("none", View.STATUS)  # connected
            found = []
            for lost in (0, 1, 1, 0):
                way.to_drop = lost
                limit = (await reader.admit(call)).limit
                assert limit is not None
                found.append((limit.remaining, limit.wait_s > 0))
            return found

    with Way(redis_socket).serving() as way:
        assert asyncio.run(admit(way)) == [(2, False), (1, False), (0, False), (0, True)]
    assert len(redis.keys(keyspace.calls("*"))) == 1, "each that expires is a line in the append-only file"
