"""The lists of a key's requests: entries, expiry and pages."""

from typing import Any

import pytest

from jobs import keyspace
from jobs.lifecycle.creation import Deadlines, NewRequest
from jobs.lifecycle.moves import Failure
from jobs.lifecycle.options import RequestOptions
from jobs.lifecycle.status import FailureCode, Status
from jobs.lifecycle.transitions import Transitions
from jobs.queries import listing
from jobs.queries.listing import Listing
from tests.asking import OUTPUT, claim_request

CANCELLED = Failure(FailureCode.CANCELLED, "cancelled by its owner")
SLACK_MS = 60_000


@pytest.fixture
def create(transitions, key_id):
    """Creates requests, one after another."""

    def create(*ids: str, custom_id: str | None = None) -> None:
        for request_id in ids:
            options = RequestOptions(custom_id=custom_id)
            transitions.create(NewRequest(uuid(request_id), key_id, {}, options=options))

    return create


@pytest.fixture
def ids(redis, key_id):
    """The ids of a page, and the cursor of the next."""

    def ids(limit: int = 10, **selected: Any):
        page = Listing(redis).page(key_id, limit=limit, **selected)
        return [record.request_id[0] for record in page.records], page.next

    return ids


def uuid(digit):
    """A request's id that begins with a hexadecimal digit, which stands for it here."""
    return f"{digit}0000000-0000-4000-8000-000000000000"


def expire(redis, *ids):
    redis.delete(*(keyspace.request(uuid(each)) for each in ids))


def test_pages_continue_newest_first_where_the_last_ended(create, ids):
    create("a", "b", "c", "d", "e")

    first, after_first = ids(limit=2)
    second, after_second = ids(limit=2, before=after_first)
    third, end = ids(limit=2, before=after_second)

    assert (first, second, third, end) == (["e", "d"], ["c", "b"], ["a"], None)
    assert ids(limit=5) == (["e", "d", "c", "b", "a"], None)


def test_the_next_page_does_not_need_the_last_request_of_the_previous_one(create, ids, redis, key_id):
    create("a", "b", "c")
    _, after_first = ids(limit=2)
    expire(redis, "b")
    redis.zrem(keyspace.requests(key_id), uuid("b"))

    assert ids(limit=2, before=after_first) == (["a"], None)


def test_requests_are_selected_by_status_and_custom_id(create, ids, transitions):
    create("a", "c", custom_id="one")
    create("b", custom_id="two")
    create("d")
    claim_request(transitions, uuid("a"))
    transitions.complete(uuid("a"), 1, OUTPUT, {})
    transitions.cancel(uuid("c"), CANCELLED)

    assert ids(status=Status.QUEUED)[0] == ["d", "b"]
    assert ids(custom_id="one")[0] == ["c", "a"]
    assert ids(status=Status.COMPLETED, custom_id="one")[0] == ["a"]
    assert ids(status=Status.COMPLETED, custom_id="two")[0] == []
    assert ids(custom_id="none")[0] == []


def test_a_rare_status_is_searched_in_steps(create, ids, transitions, monkeypatch):
    monkeypatch.setattr(listing, "MAX_READ", 3)
    create("a", "b", "c", "d", "e")
    transitions.cancel(uuid("a"), CANCELLED)

    first, after_first = ids(status=Status.FAILED)
    second, end = ids(status=Status.FAILED, before=after_first)

    assert (first, second, end) == ([], ["a"], None)


def test_listed_requests_have_results_and_no_parameters(create, transitions, redis, key_id):
    create("a", custom_id="one")
    claim_request(transitions, uuid("a"))
    transitions.complete(uuid("a"), 1, OUTPUT, {})

    [record] = Listing(redis).page(key_id).records

    assert (record.custom_id, record.output, record.params) == ("one", OUTPUT, {})


def test_expired_requests_are_not_shown_and_leave_the_lists_as_others_come(create, ids, redis, key_id):
    lists = keyspace.requests(key_id), keyspace.requests(key_id, "one")
    create(*"abcde", custom_id="one")
    expire(redis, *"abcde")
    assert ids() == ([], None)

    create(*"123", custom_id="one")

    assert [redis.zcard(each) for each in lists] == [3, 3]


def test_a_list_lives_as_long_as_its_requests_may(transitions, key_id, redis, settings):
    deadlines = Deadlines(start_timeout_s=1000, timeout_s=100)
    longest_ms = (deadlines.longest_s + settings.result_ttl_s) * 1000
    options = RequestOptions(custom_id="one")

    transitions.create(NewRequest(uuid("a"), key_id, {}, deadlines, options=options))

    for custom_id in (None, "one"):
        assert longest_ms < redis.pttl(keyspace.requests(key_id, custom_id)) <= longest_ms + SLACK_MS
    transitions.create(NewRequest(uuid("b"), key_id, {}, Deadlines(1, 1)))
    assert redis.pttl(keyspace.requests(key_id)) > longest_ms, "one with less time does not shorten it"


@pytest.mark.parametrize("custom_id", [None, "one"])
def test_a_request_that_ends_hours_late_is_in_its_lists_again(
    create, transitions, ids, redis, key_id, settings, custom_id
):
    create("a", custom_id=custom_id)
    listed = keyspace.requests(key_id, custom_id)
    redis.delete(listed)

    transitions.cancel(uuid("a"), CANCELLED)

    assert ids(custom_id=custom_id) == (["a"], None)
    assert redis.pttl(listed) >= settings.result_ttl_s * 1000


def test_the_end_of_a_request_does_not_move_it_in_its_list(create, transitions, ids):
    create("a", "b")
    before = ids(limit=1)

    transitions.cancel(uuid("b"), CANCELLED)

    assert ids(limit=1) == before


def test_a_refused_request_is_not_listed(redis, settings, key_id, ids):
    redis.hset(keyspace.api_key(key_id), "credits", 0)

    with pytest.raises(Exception, match="0 credits"):
        Transitions(redis, settings).create(NewRequest(uuid("a"), key_id, {}))

    assert ids() == ([], None)
    assert not redis.exists(keyspace.requests(key_id))
