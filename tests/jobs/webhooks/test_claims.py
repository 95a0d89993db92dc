"""Which due events are claimed, how many of a receiver, and which first."""

from jobs import keyspace
from jobs.config.settings import Settings
from jobs.keys.api_keys import ApiKeys
from jobs.queries.queue_state import read_queue_state
from jobs.webhooks.exchange import MAX_PAUSE_S, NEW_OF_KEY, PER_RECEIVER, TROUBLED, Ending
from jobs.webhooks.schedule import LEASE_S
from tests.redis.recording import recording
from tests.webhook_events import complete, completed, lapse, new_request

URL = "https://shop.example/hooks?key=1"
OTHER = "https://other.example/"


def make_proven(transitions, key_id, desk, url=URL):
    """Deliver one event."""
    completed(transitions, key_id, url)
    [event] = desk.claim()
    desk.report(event, Ending.DELIVERED)


def test_a_claimed_event_is_not_claimed_by_another_sender(transitions, key_id, desk, webhook_settings):
    completed(transitions, key_id, URL)

    assert len(desk.claim()) == 1
    assert type(desk)(webhook_settings).claim() == []


def test_an_event_of_a_dead_sender_is_due_when_its_lease_has_expired(
    redis, transitions, key_id, desk, webhook_settings
):
    request_id = completed(transitions, key_id, URL)
    [lost] = desk.claim()
    until_ms = redis.zscore(keyspace.tried_events(lost.receiver), request_id)
    seconds, _ = redis.time()
    assert 0 < until_ms / 1000 - seconds <= LEASE_S + 1

    lapse(redis, request_id)
    [found] = type(desk)(webhook_settings).claim()

    assert (found.message_id, found.attempt) == (lost.message_id, 2)


def test_a_new_receiver_gets_one_event_and_then_several(transitions, key_id, desk):
    for _ in range(20):
        completed(transitions, key_id, URL)

    [first] = desk.claim()
    events = desk.claim(reports=[desk.report_of(first, Ending.DELIVERED)])

    assert len(events) == PER_RECEIVER["proven"]
    assert desk.claim() == []  # while these are in flight


def test_a_dead_receiver_does_not_delay_a_live_one(transitions, key_id, desk):
    make_proven(transitions, key_id, desk, OTHER)
    for _ in range(50):
        completed(transitions, key_id, URL)
    desk.report(desk.claim()[0], Ending.RETRY)

    live = completed(transitions, key_id, OTHER)

    assert live in {event.request_id for event in desk.claim(limit=1)}


def test_a_receiver_that_fails_repeatedly_is_paused(redis, transitions, key_id, desk):
    requests = [completed(transitions, key_id, URL) for _ in range(TROUBLED + 1)]
    for _ in range(TROUBLED):
        [event] = desk.claim()
        desk.report(event, Ending.RETRY)

    assert desk.claim() == []
    [(receiver, at_ms)] = redis.zrange(keyspace.lane("troubled"), 0, -1, withscores=True)
    assert receiver == f"{key_id} shop.example".encode()
    seconds, micros = redis.time()
    assert at_ms / 1000 - seconds - micros / 1e6 <= MAX_PAUSE_S

    redis.zadd(keyspace.lane("troubled"), {receiver: 1})
    [event] = desk.claim()
    assert event.request_id in requests
    completed(transitions, key_id, URL)
    assert len(desk.claim(reports=[desk.report_of(event, Ending.DELIVERED)])) == 1  # it has recovered


def test_failed_and_new_events_do_not_starve_each_other(redis, transitions, key_id, desk):
    make_proven(transitions, key_id, desk)
    old = {completed(transitions, key_id, URL) for _ in range(40)}
    receiver = f"{key_id} shop.example"
    for request_id in old:  # all were tried before and are due
        redis.zrem(keyspace.untried_events(receiver), request_id)
        redis.zadd(keyspace.tried_events(receiver), {request_id: 1})
    new = {completed(transitions, key_id, URL) for _ in range(40)}

    first, second = desk.claim(), []
    desk.held = []
    second = desk.claim(limit=1)
    desk.held = []
    third = desk.claim(limit=1)

    ids = {event.request_id for event in first}
    assert (len(ids & old), len(ids & new)) == (4, 4)
    ones = {event.request_id for event in (*second, *third)}
    assert (len(ones & old), len(ones & new)) == (1, 1)


def test_receivers_take_turns(transitions, key_id, desk):
    make_proven(transitions, key_id, desk)
    make_proven(transitions, key_id, desk, OTHER)
    for url in (URL, OTHER):
        for _ in range(30):
            completed(transitions, key_id, url)

    receivers = []
    for _ in range(4):
        receivers += [event.receiver.partition(" ")[2] for event in desk.claim(limit=1)]
        desk.held = []

    assert sorted(receivers) == ["other.example"] * 2 + ["shop.example"] * 2


def test_the_cost_of_a_claim_does_not_grow_with_the_queue(redis, transitions, key_id, desk):
    make_proven(transitions, key_id, desk)
    request_id = new_request(transitions, key_id, URL)
    complete(transitions, request_id)
    receiver = f"{key_id} shop.example"

    def commands() -> int:
        with recording(redis) as recorded:
            desk.claim(limit=1)
        desk.held = []
        lapse(redis, request_id)
        return len(recorded)

    few = commands()
    redis.zadd(keyspace.tried_events(receiver), {f"other-{nth}": 9e15 for nth in range(1000)})

    assert commands() == few


def test_an_expired_event_leaves_the_queue(redis, transitions, key_id, desk):
    request_id = completed(transitions, key_id, URL)
    redis.delete(keyspace.event(request_id))

    assert desk.claim() == []

    assert redis.zcard(keyspace.lane("new")) == 0
    assert redis.hget(keyspace.api_key(key_id), "undelivered") == b"0"


def test_the_age_of_due_events_excludes_those_of_paused_receivers(redis, transitions, key_id, desk):
    completed(transitions, key_id, URL)
    seconds, _ = redis.time()
    redis.zadd(keyspace.lane("new"), {key_id: (seconds - 90) * 1000})
    assert 90 <= read_queue_state(redis).oldest_event_s <= 120

    [event] = desk.claim()
    assert read_queue_state(redis).oldest_event_s == 0

    desk.report(event, Ending.RETRY)
    assert read_queue_state(redis).oldest_event_s == 0


def test_many_dead_receivers_do_not_delay_a_live_one(redis, transitions, key_id, desk):
    make_proven(transitions, key_id, desk, OTHER)
    for nth in range(200):
        completed(transitions, key_id, f"https://dead{nth}.example/")
    for dead in desk.claim(limit=50):
        desk.report(dead, Ending.RETRY)

    live = completed(transitions, key_id, OTHER)

    assert live in {event.request_id for event in desk.claim(limit=1)}


def test_an_unreadable_event_does_not_block_others(redis, transitions, key_id, desk, caplog):
    foreign, odd, good = (completed(transitions, key_id, f"https://{name}.example/") for name in "abc")
    redis.set(keyspace.event(foreign), "a value of another type")
    redis.hset(keyspace.event(odd), "output", "{")

    events = desk.claim()

    assert [event.request_id for event in events] == [good]
    assert desk.given_up == [foreign]
    assert f"request {odd}: its event cannot be read" in caplog.text


def test_many_new_receivers_of_a_key_do_not_delay_another_key(redis, transitions, key_id, desk):
    other = ApiKeys(redis).create("other")[0].key_id
    for nth in range(60):
        completed(transitions, key_id, f"https://dead{nth}.example/")
    held = desk.claim(limit=30)  # none of which answers
    assert len(held) == Settings().webhook_concurrency // NEW_OF_KEY
    assert desk.claim(limit=10) == []

    theirs = completed(transitions, other, URL)

    assert [event.request_id for event in desk.claim(limit=1)] == [theirs]


def test_new_receivers_of_different_keys_take_turns(redis, transitions, key_id, desk):
    keys = [key_id, ApiKeys(redis).create("other")[0].key_id]
    for key in keys:
        for nth in range(10):
            completed(transitions, key, f"https://new{nth}.example/")

    turns = [desk.claim(limit=1)[0].record.key_id for _ in range(6)]
    together = [event.record.key_id for event in desk.claim(limit=6)]

    assert sorted(turns) == sorted(keys * 3)
    assert sorted(together) == sorted(keys * 3)
