"""API keys: what is stored of them and how they change."""

import threading

import pytest

from jobs import keyspace
from jobs.keys.api_key import KeyOptions
from jobs.keys.api_keys import MAX_TEXTS, CreditsRefused, UnknownKey
from jobs.keys.key_rules import MAX_CREDITS, Scope, digest, new_key
from jobs.keys.rates import Rate


def everything_in(redis) -> bytes:
    """Names and values of all of Redis, joined."""
    names = list(redis.scan_iter())
    return b" ".join([*names, *map(redis.dump, names)])


def owner_of(redis, key: str) -> str | None:
    """The id that a text leads to."""
    found = redis.get(keyspace.key_digest(digest(key)))
    return found.decode() if found else None


def test_a_key_is_stored_with_all_its_options(redis, keys):
    options = KeyOptions(100, Rate(600, 60), (Scope.SUPERIMPOSE,), expires_in_s=3600)

    record, key = keys.create("shop", options)

    assert owner_of(redis, key) == record.key_id
    assert (record.name, record.credits, record.held, record.spent) == ("shop", 100, 0, 0)
    assert (record.rate, record.scopes) == (Rate(600, 60), {Scope.SUPERIMPOSE})
    assert record.expires_at == pytest.approx(record.created_at + 3600, abs=0.01)
    assert record.last_used_at is None
    assert keys.list() == [record]


def test_without_options_a_key_may_do_everything_for_ever(keys):
    record, _ = keys.create("shop")

    assert (record.credits, record.rate, record.expires_at, record.scopes) == (None, None, None, set(Scope))


def test_the_text_of_a_key_is_not_stored(redis, keys):
    record, key = keys.create("shop")
    newer = keys.rotate(record.key_id)

    secrets = [text.removeprefix("si_")[:20].encode() for text in (key, newer)]
    assert not any(secret in everything_in(redis) for secret in secrets)


def test_making_a_chosen_key_valid_again_changes_nothing(redis, keys):
    keys.make_valid("dev", "a-key-from-the-settings")
    (first,) = keys.list()

    keys.make_valid("dev", "a-key-from-the-settings")

    assert keys.list() == [first]
    assert owner_of(redis, "a-key-from-the-settings") == first.key_id


def test_a_chosen_key_that_is_valid_needs_no_room_in_a_redis_that_is_full(redis, keys):
    keys.make_valid("dev", "chosen")
    redis.config_set("maxmemory", 1)
    try:
        assert keys.make_valid("dev", "chosen")
    finally:
        redis.config_set("maxmemory", 0)


def test_processes_that_start_at_once_make_one_key_of_a_chosen_text(redis, keys):
    threads = [threading.Thread(target=keys.make_valid, args=("dev", "chosen")) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [key.name for key in keys.list()] == ["dev"]


def test_nothing_is_left_of_a_revoked_key(redis, keys):
    record, _ = keys.create("shop")
    keys.rotate(record.key_id)

    keys.revoke(record.key_id)

    assert redis.dbsize() == 0
    assert keys.list() == []


@pytest.mark.parametrize(
    "change",
    [
        lambda keys: keys.get("key_gone"),
        lambda keys: keys.revoke("key_gone"),
        lambda keys: keys.rotate("key_gone"),
        lambda keys: keys.add_credits("key_gone", 1),
    ],
)
def test_an_unknown_key_cannot_be_changed(redis, keys, change):
    with pytest.raises(UnknownKey, match="key_gone"):
        change(keys)

    assert redis.dbsize() == 0


def test_after_rotation_both_texts_are_of_one_key_and_the_old_one_has_an_end(redis, keys):
    record, old = keys.create("shop")

    new = keys.rotate(record.key_id, overlap_s=60)

    assert owner_of(redis, old) == owner_of(redis, new) == record.key_id
    assert 0 < redis.pttl(keyspace.key_digest(digest(old))) <= 60_000
    assert redis.ttl(keyspace.key_digest(digest(new))) == -1


def test_a_rotation_without_overlap_ends_the_old_text_at_once(redis, keys):
    record, old = keys.create("shop")

    keys.rotate(record.key_id, overlap_s=0)

    assert owner_of(redis, old) is None


def test_a_rotation_ends_every_older_text_within_its_overlap(redis, keys):
    record, first = keys.create("shop")
    second = keys.rotate(record.key_id, overlap_s=3600)
    third = keys.rotate(record.key_id, overlap_s=60)
    keys.rotate(record.key_id, overlap_s=7200)

    for older in (first, second):
        assert 0 < redis.pttl(keyspace.key_digest(digest(older))) <= 60_000
    assert redis.pttl(keyspace.key_digest(digest(third))) > 3600_000


def test_a_key_of_the_settings_is_valid_after_each_start_however_often_it_was_rotated(redis, keys):
    keys.make_valid("dev", "chosen")
    key_id = owner_of(redis, "chosen")
    texts = [keys.rotate(key_id) for _ in range(MAX_TEXTS)]
    assert owner_of(redis, "chosen") is None

    assert keys.make_valid("dev", "chosen")

    assert owner_of(redis, "chosen") == key_id
    assert digest("chosen") in keys.get(key_id).digests
    assert owner_of(redis, texts[-1]) == key_id
    assert redis.ttl(keyspace.key_digest(digest("chosen"))) == -1
    assert len(keys.get(key_id).digests) == MAX_TEXTS


def test_a_key_of_the_settings_stays_revoked_and_leaves_no_text(redis, keys):
    keys.make_valid("dev", "chosen")
    key_id = owner_of(redis, "chosen")
    for _ in range(MAX_TEXTS):
        keys.rotate(key_id)
    keys.make_valid("dev", "chosen")

    keys.revoke(key_id)

    assert not redis.keys(keyspace.key_digest("*"))
    assert keys.make_valid("dev", "chosen") is False
    assert owner_of(redis, "chosen") is None
    assert keys.list() == []
    assert keys.make_valid("dev", "another") is True


def test_rotating_often_keeps_the_newest_texts_only(redis, keys):
    record, first = keys.create("shop")
    texts = [keys.rotate(record.key_id) for _ in range(MAX_TEXTS)]

    assert owner_of(redis, first) is None
    assert {owner_of(redis, text) for text in texts} == {record.key_id}
    assert len(keys.get(record.key_id).digests) == MAX_TEXTS


def test_credits_are_added_and_taken_but_never_below_zero(keys):
    record, _ = keys.create("shop", KeyOptions(credits=5))

    assert keys.add_credits(record.key_id, 10).credits == 15
    assert keys.add_credits(record.key_id, -15).credits == 0
    with pytest.raises(CreditsRefused, match="fewer than 1"):
        keys.add_credits(record.key_id, -1)
    assert keys.get(record.key_id).credits == 0


def test_more_credits_than_can_be_counted_are_not_added(keys):
    record, _ = keys.create("shop", KeyOptions(credits=MAX_CREDITS))

    for amount in (1, 10**30):
        with pytest.raises(CreditsRefused, match="would have more than"):
            keys.add_credits(record.key_id, amount)
    assert keys.get(record.key_id).credits == MAX_CREDITS


def test_unlimited_credits_cannot_be_added_to(keys):
    record, _ = keys.create("shop")

    with pytest.raises(CreditsRefused, match="unlimited"):
        keys.add_credits(record.key_id, 10)
    assert keys.get(record.key_id).credits is None


def test_keys_can_be_recognised_by_scanners_and_do_not_repeat():
    keys = {new_key() for _ in range(100)}

    assert len(keys) == 100
    assert all(key.startswith("si_") and len(key) == 3 + 43 + 6 for key in keys)
