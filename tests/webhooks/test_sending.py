"""From the end of a request to its receiver."""

import json
import re
import threading
from importlib.metadata import version

from jobs import keyspace
from jobs.webhooks.deliveries import Deliveries, State
from jobs.webhooks.exchange import NEW_OF_KEY, PER_RECEIVER
from jobs.webhooks.secrets import KeySecrets
from tests.asking import OUTPUT, claim_request
from tests.jobs.batches.conftest import Desk
from tests.jobs.batches.conftest import requests as batch_requests
from tests.webhook_events import completed, event_of, fail, new_request
from tests.worker.fetch.answers import requests
from webhooks import connections, sender


def test_an_event_arrives_signed_with_the_result(
    redis, settings, transitions, key_id, receiver, sending, await_log
):
    with sending():
        request_id = completed(transitions, key_id, receiver.url, custom_id="växel")
        [got] = receiver.await_calls(1)
        found = await_log(request_id, State.DELIVERED)

    secret = KeySecrets(redis, settings).read(key_id)
    assert got.path == "/hooks?key=1"
    assert got.message_id == f"msg_{request_id.replace('-', '')}_completed"
    assert got.headers["user-agent"] == f"Superimpose-Webhooks/{version('superimpose')}"
    assert got.headers["content-type"] == "application/json"
    assert abs(int(got.headers["webhook-timestamp"]) - redis.time()[0]) <= 60
    assert got.is_signed_with(secret)
    assert len(got.headers["webhook-signature"].split(" ")) == 1
    body = json.loads(got.body)
    assert (body["type"], body["request_id"], body["custom_id"]) == (
        "request.completed",
        request_id,
        "växel",
    )
    [attempt] = found.attempts
    assert (attempt.status, attempt.error) == (204, None)
    assert abs(attempt.at - redis.time()[0]) <= 60


def test_the_trace_of_the_submit_is_carried_on_to_the_receiver(redis, transitions, key_id, receiver, sending):
    traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    with sending():
        request_id = new_request(transitions, key_id, receiver.url)
        redis.hset(keyspace.request(request_id), "traceparent", traceparent)
        fail(transitions, request_id)
        receiver.await_calls(1)
        completed(transitions, key_id, receiver.url)
        traced, untraced = receiver.await_calls(2)

    assert traced.headers["traceparent"] == traceparent
    assert "traceparent" not in untraced.headers


def test_events_from_before_the_start_of_the_sender_are_sent(transitions, key_id, receiver, sending):
    ended = {new_request(transitions, key_id, receiver.url) for _ in range(10)}
    for request_id in ended:
        fail(transitions, request_id)

    with sending():
        got = receiver.await_calls(10)

    assert {call.message_id for call in got} == {f"msg_{each.replace('-', '')}_failed" for each in ended}


def test_a_failed_attempt_is_repeated_with_the_same_id_and_body_and_its_own_signature(
    redis, settings, transitions, key_id, receiver, sending, await_log, retried_soon
):
    receiver.answers = lambda _: (500 if len(receiver.got) < 2 else 200, {})
    with sending():
        request_id = completed(transitions, key_id, receiver.url)
        found = await_log(request_id, State.DELIVERED)

    secret = KeySecrets(redis, settings).read(key_id)
    assert len({(call.message_id, call.body) for call in receiver.got}) == 1
    assert all(call.is_signed_with(secret) for call in receiver.got)
    assert [attempt.error for attempt in found.attempts] == ["answered 500", "answered 500", None]


def test_after_the_last_attempt_an_event_has_failed_and_can_be_redelivered(
    redis, transitions, key_id, receiver, sending, await_log, retried_soon
):
    receiver.answers = lambda _: (404, {})
    with sending():
        request_id = completed(transitions, key_id, receiver.url)
        found = await_log(request_id, State.FAILED)
        assert len(found.attempts) == 11

        receiver.answers = lambda _: (200, {})
        Deliveries(redis).redeliver(request_id)
        await_log(request_id, State.DELIVERED)

    assert len({call.message_id for call in receiver.got}) == 1


def test_a_receiver_that_is_gone_is_asked_once(transitions, key_id, receiver, sending, await_log):
    receiver.answers = lambda _: (410, {})
    with sending():
        found = await_log(completed(transitions, key_id, receiver.url), State.GONE)

    assert (len(found.attempts), len(receiver.got)) == (1, 1)


def test_the_retry_after_of_a_receiver_is_honoured(redis, transitions, key_id, receiver, sending, await_log):
    receiver.answers = lambda call: (503 if "busy" in call.path else 500, {"retry-after": "100"})
    with sending():
        busy = await_log(completed(transitions, key_id, f"{receiver.url}&busy"), attempts=1)
        other = await_log(completed(transitions, key_id, f"{receiver.url}&other"), State.PENDING)

    assert 99 <= busy.next_attempt_at - busy.attempts[0].at <= 102
    assert other.attempts == []  # the receiver wants to be left alone


def test_both_secrets_sign_during_a_rotation(redis, settings, transitions, key_id, receiver, sending):
    secrets = KeySecrets(redis, settings)
    before = secrets.read(key_id)
    after = secrets.rotate(key_id, 3600)
    with sending():
        completed(transitions, key_id, receiver.url)
        [got] = receiver.await_calls(1)

    assert got.is_signed_with(before)
    assert got.is_signed_with(after)


def test_a_connection_is_reused(transitions, key_id, receiver, sending):
    with sending():
        for count in range(1, 6):
            completed(transitions, key_id, receiver.url)
            receiver.await_calls(count)

    assert receiver.connections == 1


def test_the_most_recently_used_connections_stay_open(
    transitions, key_id, receiver, sending, await_log, monkeypatch
):
    monkeypatch.setattr(connections, "POOL_SIZE", 2)

    def send(name: str) -> int:
        await_log(completed(transitions, key_id, f"http://{name}.com:{receiver.port}/"), State.DELIVERED)
        return receiver.connections

    with sending(resolve=lambda *_: ["127.0.0.1"]):
        assert [send(name) for name in ("a", "b", "c", "c", "b", "a")] == [1, 2, 3, 3, 3, 4]


def test_a_connection_that_the_receiver_has_closed_costs_no_attempt(
    transitions, key_id, serve, sending, await_log
):
    def answers_once(connection):
        next(requests(connection))
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

    server = serve(answers_once)
    with sending():
        for _ in range(3):
            found = await_log(completed(transitions, key_id, server.url), State.DELIVERED)
            assert len(found.attempts) == 1

    assert server.connections == 3


def test_events_in_flight_to_one_receiver_are_limited(transitions, key_id, receiver, sending):
    under_way, most, lock = [0], [0], threading.Lock()

    def answer(_):
        with lock:
            under_way[0] += 1
            most[0] = max(most[0], under_way[0])
        threading.Event().wait(0.02)
        with lock:
            under_way[0] -= 1
        return 204, {}

    receiver.answers = answer
    for _ in range(60):
        completed(transitions, key_id, receiver.url)
    with sending():
        receiver.await_calls(60)

    assert 1 < most[0] <= PER_RECEIVER["proven"]


def test_proven_receivers_are_not_slowed_by_many_others(
    settings, transitions, key_id, receiver, sending, await_log, monkeypatch
):
    monkeypatch.setattr(sender, "BUSY_S", 60.0)
    monkeypatch.setattr(sender, "PACE_S", 60.0)
    proven = f"http://proven.com:{receiver.port}/"
    with sending(resolve=lambda *_: ["127.0.0.1"]):
        await_log(completed(transitions, key_id, proven), State.DELIVERED)
    for nth in range(60):
        completed(transitions, key_id, f"http://new{nth}.com:{receiver.port}/new")
    ended = [completed(transitions, key_id, proven) for _ in range(60)]

    with sending(resolve=lambda *_: ["127.0.0.1"]):
        for request_id in ended:
            await_log(request_id, State.DELIVERED)

    others = [call for call in receiver.got if call.path == "/new"]
    assert len(others) == settings.webhook_concurrency // NEW_OF_KEY  # those that it began with


def test_two_senders_share_the_work_and_send_each_event_once(transitions, key_id, receiver, sending):
    with sending(), sending():
        for _ in range(100):
            completed(transitions, key_id, receiver.url)
        receiver.await_calls(100)

    assert len({call.message_id for call in receiver.got}) == len(receiver.got) == 100


def test_a_stopped_sender_finishes_and_reports_events_in_flight(
    redis, transitions, key_id, receiver, sending, await_log
):
    came, go_on = threading.Event(), threading.Event()

    def answer(_):
        came.set()
        go_on.wait(60)
        return 204, {}

    receiver.answers = answer
    with sending():
        request_id = completed(transitions, key_id, receiver.url)
        assert came.wait(60)
        threading.Timer(0.3, go_on.set).start()

    assert await_log(request_id, State.DELIVERED)


def test_a_stopped_sender_gives_back_events_that_take_too_long(
    redis, settings, transitions, key_id, serve, receiver, sending, await_log
):
    came = threading.Event()

    def never(connection):
        next(requests(connection))
        came.set()
        connection.recv(65536)
        connection.recv(65536)

    server = serve(never)
    with sending(of=settings.model_copy(update={"drain_timeout_s": 0.1})):
        request_id = completed(transitions, key_id, server.url)
        assert came.wait(60)

    found = await_log(request_id, State.PENDING)
    assert found.attempts == []
    assert found.next_attempt_at is not None
    assert event_of(redis, request_id)[b"lease"] == b"0"


def test_the_delivery_log_shows_no_query_and_nothing_of_the_response(
    redis, transitions, key_id, serve, sending, await_log
):
    def says(connection):
        next(requests(connection))
        connection.sendall(b"HTTP/1.1 500 secret-reason\r\nx-secret: 1\r\ncontent-length: 6\r\n\r\nsecret")

    server = serve(says)
    with sending():
        request_id = completed(transitions, key_id, f"{server.url}?token=hidden")
        found = await_log(request_id, attempts=1)

    shown = json.dumps(found.shown())
    assert "secret" not in shown
    assert "hidden" not in shown
    kept = b" ".join(value for name, value in event_of(redis, request_id).items() if name != b"url")
    assert not re.search(rb"secret", kept)


def test_no_event_is_lost_when_redis_goes_away(redis, transitions, key_id, receiver, sending, await_log):
    with sending():
        request_id = completed(transitions, key_id, receiver.url)
        await_log(request_id, State.DELIVERED)
        for client in redis.client_list():
            if client["id"] != str(redis.client_id()):
                redis.client_kill_filter(_id=client["id"])
        other = completed(transitions, key_id, receiver.url)
        await_log(other, State.DELIVERED)

    assert len(receiver.got) == 2


def test_a_missed_bell_only_delays_an_event(transitions, key_id, receiver, sending, await_log, monkeypatch):
    monkeypatch.setattr(keyspace, "EVENT_BELL", "rung by nobody")
    with sending():
        for _ in range(2):  # the first may be there when it begins to look
            await_log(completed(transitions, key_id, receiver.url), State.DELIVERED)


def test_the_event_of_a_batch_arrives_signed_and_counts_its_requests(
    redis, settings, transitions, key_id, receiver, sending, await_log
):
    desk = Desk(redis, settings, key_id)
    batch_id = desk.accept(batch_requests(2), webhook_url=receiver.url).batch_id

    with sending():
        for request_id in desk.ids(batch_id):
            transitions.complete(request_id, claim_request(transitions, request_id).attempt, OUTPUT, {})
        [got] = receiver.await_calls(1)
        await_log(batch_id, State.DELIVERED)

    assert got.message_id == f"msg_{batch_id.replace('-', '')}_completed"
    assert got.is_signed_with(KeySecrets(redis, settings).read(key_id))
    body = json.loads(got.body)
    assert (body["type"], body["batch_id"]) == ("batch.completed", batch_id)
    assert body["request_counts"]["completed"] == 2
