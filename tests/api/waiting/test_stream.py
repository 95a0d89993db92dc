"""The event stream of a request: each change once, in order, until the request ends."""

import httpx

from jobs import keyspace
from tests.api.waiting.conftest import BROKEN, OUTPUT, STATUS, STREAM, client_of
from tests.api.waiting.events import Event, events
from tests.asking import claim_request


def stream(client: httpx.Client, request_id: str, last: str | None = None) -> list[Event]:
    headers = {"last-event-id": last} if last else {}
    with client.stream("GET", STREAM.format(request_id), headers=headers) as answer:
        assert answer.status_code == 200
        return list(events(answer.iter_lines()))


def test_a_stream_sends_each_change_like_a_poll_and_ends(client, edge, transitions, request_id):
    polls = [client.get(STATUS.format(request_id)).json()]
    with client_of(edge) as other, other.stream("GET", STREAM.format(request_id)) as answer:
        received = events(answer.iter_lines())
        seen = [next(received)]
        claim_request(transitions, request_id)
        seen.append(next(received))
        polls.append(client.get(STATUS.format(request_id)).json())
        transitions.complete(request_id, 1, OUTPUT, {})
        seen += received
    polls.append(client.get(STATUS.format(request_id)).json())

    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-accel-buffering"] == "no"
    assert [event.id for event in seen] == ["QUEUED", "PROCESSING", "COMPLETED"]
    assert [event.data for event in seen] == polls
    assert {event.name for event in seen} == {"status"}


def test_a_stream_starts_with_the_reconnection_time(client, request_id):
    with client.stream("GET", STREAM.format(request_id)) as answer:
        assert next(answer.iter_lines()) == "retry: 2000"


def test_a_stream_continues_after_the_last_event_id(client, meanwhile, watched, transitions, request_id):
    same = meanwhile(STREAM.format(request_id), headers={"last-event-id": "QUEUED"})
    claim_request(transitions, request_id)
    newer = meanwhile(STREAM.format(request_id), headers={"last-event-id": "QUEUED"})
    other = meanwhile(STREAM.format(request_id), headers={"last-event-id": "of another server"})
    transitions.complete(request_id, 1, OUTPUT, {})

    assert [event.id for event in events(same().iter_lines())] == ["PROCESSING", "COMPLETED"]
    assert [event.id for event in events(newer().iter_lines())] == ["PROCESSING", "COMPLETED"]
    assert [event.id for event in events(other().iter_lines())] == ["PROCESSING", "COMPLETED"]
    assert [event.id for event in stream(client, request_id, "PROCESSING")] == ["COMPLETED"]
    done = client.get(STREAM.format(request_id), headers={"last-event-id": "COMPLETED"})
    assert (done.status_code, done.content) == (204, b"")


def test_the_last_event_of_a_failed_request_has_the_error(client, transitions, request_id):
    transitions.cancel(request_id, BROKEN)

    [only] = stream(client, request_id)
    assert (only.id, only.data["error"]) == ("FAILED", "broken")
    assert only.data == client.get(STATUS.format(request_id)).json()


def test_an_expired_request_ends_the_stream(meanwhile, redis, request_id):
    answer = meanwhile(STREAM.format(request_id))
    redis.delete(keyspace.request(request_id))
    redis.publish(keyspace.CHANGES, f"{request_id} COMPLETED")

    assert [event.id for event in events(answer().iter_lines())] == ["QUEUED"]


def test_a_stream_counts_towards_the_rate_limit_of_reads(client, redis, request_id):
    refusals = [
        client.get(place.format(request_id), headers={"x-api-key": f"guess-{place}"})
        for place in (STATUS, STREAM)
    ]
    polled = client.get(STATUS.format(request_id)).headers["ratelimit-policy"]

    assert [refusal.status_code for refusal in refusals] == [401, 401]
    with client.stream("GET", STREAM.format(request_id)) as streamed:
        assert streamed.headers["ratelimit-policy"] == polled
