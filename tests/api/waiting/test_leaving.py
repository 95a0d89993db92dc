"""Waiting calls end when the client disconnects, the process stops, or Redis stays away."""

import json
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from redis import Redis

from jobs import keyspace
from jobs.config.settings import Settings
from jobs.lifecycle.transitions import Transitions
from tests.api.waiting.conftest import (
    BROKEN,
    COMPLAINTS,
    OUTPUT,
    PICTURES,
    STATUS,
    STREAM,
    WATCHED,
    client_of,
    until,
)
from tests.api.waiting.events import events
from tests.asking import claim_request
from tests.edge import head, read_to_end, serving
from tests.redis.test_redis_trouble import OwnRedis

BODY = json.dumps(PICTURES).encode()
SUBMIT_AND_WAIT = (
    head("/v1/superimpose", "POST", content_type="application/json", content_length=len(BODY)) + BODY
)


def test_a_disconnected_client_leaves_no_watcher_or_task(edge, watched, request_id):
    before = watched()
    calls = [
        head(STREAM.format(request_id)),
        head(f"{STATUS.format(request_id)}?wait=60"),
        SUBMIT_AND_WAIT,
    ]
    connections = [edge.connect() for _ in range(21)]
    for number, connection in enumerate(connections):
        connection.sendall(calls[number % 3])
    until(lambda: watched()["waiting"] == before["waiting"] + 21)
    assert watched()["tasks"] >= before["tasks"] + 21

    for connection in connections:
        connection.close()
    until(lambda: watched() == before)


def test_a_long_poll_can_be_repeated_on_the_same_connection(edge, transitions, request_id, watched):
    with edge.connect() as connection:
        connection.sendall(head(f"{STATUS.format(request_id)}?wait=0.01"))
        received = b""
        while b'"QUEUED"' not in received:
            received += (piece := connection.recv(65536))
            assert piece, received
        connection.sendall(head(f"{STATUS.format(request_id)}?wait=60", connection="close"))
        until(lambda: watched()["waiting"] == 1)
        transitions.cancel(request_id, BROKEN)
        assert b" 422 " in read_to_end(connection)


def test_at_sigterm_waiting_calls_are_answered_and_the_process_ends(redis_socket, tmp_path):
    with serving(redis_socket, tmp_path, WATCHED) as edge, client_of(edge) as client:
        request_id = client.post("/v2/superimpose", json=PICTURES).json()["request_id"]
        with edge.connect() as polls, edge.connect() as streams:
            polls.sendall(head(f"{STATUS.format(request_id)}?wait=60"))
            streams.sendall(head(STREAM.format(request_id)))
            until(lambda: client.get("/watched").json()["waiting"] == 2)
            edge.process.send_signal(signal.SIGTERM)
            poll, stream = read_to_end(polls), read_to_end(streams)
        edge.process.wait(60)

        assert poll.startswith(b"HTTP/1.1 200 ")
        assert b'"status":"QUEUED"' in poll
        assert stream.count(b"event: status") == 1
        assert stream.endswith(b"0\r\n\r\n"), "whole, so that the client comes again"
        assert not any(complaint in edge.log for complaint in COMPLAINTS)


def test_at_sigterm_a_v1_call_still_gets_its_picture(redis, redis_socket, tmp_path):
    store = tmp_path / "store"
    (store / OUTPUT.path).parent.mkdir(parents=True)
    (store / OUTPUT.path).write_bytes(bytes(OUTPUT.file_size))
    before = set(redis.zrange(keyspace.WAITING, 0, -1))
    with (
        serving(redis_socket, tmp_path, WATCHED) as edge,
        client_of(edge) as client,
        edge.connect() as calls,
        edge.connect() as polls,
    ):
        calls.sendall(SUBMIT_AND_WAIT)
        until(lambda: client.get("/watched").json()["waiting"] == 1)
        [request_id] = set(redis.zrange(keyspace.WAITING, 0, -1)) - before
        polls.sendall(head(f"{STATUS.format(request_id.decode())}?wait=60"))
        until(lambda: client.get("/watched").json()["waiting"] == 2)
        edge.process.send_signal(signal.SIGTERM)
        assert b'"QUEUED"' in read_to_end(polls)
        transitions = Transitions(redis, Settings())
        claim_request(transitions, request_id.decode())
        transitions.complete(request_id.decode(), 1, OUTPUT, {})
        answer = read_to_end(calls)
        edge.process.wait(60)

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(bytes(OUTPUT.file_size))


@pytest.fixture
def own_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnRedis]:
    redis = OwnRedis(tmp_path_factory.mktemp("r"))
    yield redis
    redis.kill()


def test_without_redis_calls_keep_waiting_and_end_with_a_502(own_redis, tmp_path):
    with (
        serving(own_redis.socket, tmp_path, WATCHED) as edge,
        client_of(edge) as client,
        client_of(edge) as other,
        ThreadPoolExecutor() as threads,
    ):
        request_id = client.post("/v2/superimpose", json=PICTURES).json()["request_id"]
        place = STATUS.format(request_id)
        patient = threads.submit(other.get, place, params={"wait": 60})
        followed = threads.submit(other.get, STREAM.format(request_id))
        until(lambda: client.get("/watched").json()["waiting"] == 2)
        impatient = threads.submit(other.get, place, params={"wait": 3})
        until(lambda: client.get("/watched").json()["waiting"] == 3)

        own_redis.kill()
        assert impatient.result().status_code == 502
        own_redis.start()
        with Redis.from_url(f"{own_redis.url}?db=7") as redis:
            transitions = Transitions(redis, Settings())
            claim_request(transitions, request_id)
            transitions.complete(request_id, 1, OUTPUT, {})

        assert patient.result().json()["status"] == "COMPLETED"
        assert [event.id for event in events(followed.result().iter_lines())][-1] == "COMPLETED"
        assert client.get("/watched").json()["waiting"] == 0
