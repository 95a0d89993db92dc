"""API keys; fakeredis is enough, since nothing here needs a server."""

import fakeredis
import pytest

from jobs import keyspace
from jobs.api_keys import ApiKey, ApiKeys, digest, new_key


@pytest.fixture
def redis():
    return fakeredis.FakeRedis()


@pytest.fixture
def keys(redis):
    return ApiKeys(redis)


def recognised(redis, key: str) -> ApiKey | None:
    return ApiKey.from_hash(digest(key), redis.hgetall(keyspace.api_key(digest(key))))


def test_a_made_key_is_recognised_and_another_is_not(redis, keys):
    kept, key = keys.create("shop")

    assert recognised(redis, key) == kept
    assert recognised(redis, new_key()) is None


def test_the_key_itself_is_kept_nowhere(redis, keys):
    _, key = keys.create("shop")

    kept = b" ".join(
        name + b"".join(redis.hgetall(name)) + b"".join(redis.hgetall(name).values())
        for name in redis.scan_iter()
    )
    assert key.encode() not in kept
    assert key.removeprefix("si_")[:20].encode() not in kept


def test_making_the_same_key_twice_keeps_its_id(keys):
    first, _ = keys.create("dev", "a-key-from-the-settings")
    second, _ = keys.create("dev", "a-key-from-the-settings")

    assert first == second
    assert keys.list() == [first]


def test_a_revoked_key_is_no_longer_recognised(redis, keys):
    kept, key = keys.create("shop")

    assert keys.revoke(kept.key_id)
    assert recognised(redis, key) is None
    assert keys.list() == []
    assert not keys.revoke(kept.key_id)


def test_a_hash_that_was_kept_for_another_key_opens_nothing(redis, keys):
    _, key = keys.create("shop")
    other = new_key()
    redis.hset(keyspace.api_key(digest(other)), mapping=redis.hgetall(keyspace.api_key(digest(key))))

    assert recognised(redis, other) is None


def test_keys_can_be_recognised_by_scanners_and_do_not_repeat():
    keys = {new_key() for _ in range(100)}

    assert len(keys) == 100
    assert all(key.startswith("si_") and len(key) == 3 + 43 + 6 for key in keys)
