"""A stream over time: heartbeats while nothing happens, and an end after its longest life."""

import asyncio
from types import SimpleNamespace

import pytest
from fastapi import Request
from redis import ConnectionError

from api import waiting
from api.changes import Changes
from api.event_stream import HEARTBEAT, RECONNECT, EventStream
from jobs.record import Record
from jobs.status import Status


class Records:
    """Stands for Redis: says what it is told to, or is away."""

    status: Status | None = Status.QUEUED
    reads = 0

    async def request(self, request_id, _):
        self.reads += 1
        if self.status is None:
            raise ConnectionError("away")
        return Record(request_id, "key", self.status, 0.0, {}), None


def body(seen):
    return {"status": seen.record.status}


@pytest.fixture
def records() -> Records:
    return Records()


@pytest.fixture
def changes() -> Changes:
    return Changes(None)  # type: ignore[arg-type]


@pytest.fixture
def streamed(records, changes):
    """Runs a stream to its end; `seen` is given each piece."""

    def streamed(seen=lambda _: None, **life: float) -> list[bytes]:
        pieces = []

        async def receive():
            await asyncio.Event().wait()

        async def send(message):
            if message["type"] == "http.response.body" and message["body"]:
                pieces.append(message["body"])
                seen(message["body"])

        async def run():
            app = SimpleNamespace(
                state=SimpleNamespace(service=SimpleNamespace(reader=records, changes=changes))
            )
            scope = {"type": "http", "app": app, "path_params": {"request_id": "some"}, "headers": []}
            stream = EventStream(
                Request(scope, receive), "", lambda seen: {"status": seen.record.status}, **life
            )
            await stream(scope, receive, send)

        asyncio.run(asyncio.wait_for(run(), 20))
        assert changes.watchers == 0
        return pieces

    return streamed


def test_silence_is_filled_with_heartbeats_that_ask_nothing_of_redis(records, changes, streamed):
    heartbeats = []

    def stop_after_three(piece):
        heartbeats.append(piece) if piece == HEARTBEAT else None
        if len(heartbeats) == 3:
            changes.stop()

    assert streamed(stop_after_three, heartbeat_s=0.01)[:5] == [
        RECONNECT,
        b'event: status\nid: QUEUED\ndata: {"status":"QUEUED"}\n\n',
        HEARTBEAT,
        HEARTBEAT,
        HEARTBEAT,
    ]
    assert records.reads == 1


def test_a_stream_has_a_longest_life(streamed):
    assert len(streamed(heartbeat_s=10, longest_s=0.02)) == 2


def test_a_stream_outlives_redis_and_tells_what_it_missed(records, changes, streamed, monkeypatch):
    monkeypatch.setattr(waiting, "RETRY_S", 0.01)
    records.status = None

    def come_back(piece):
        if piece == HEARTBEAT:
            records.status = Status.COMPLETED

    pieces = streamed(come_back, heartbeat_s=10)

    assert pieces[1] == HEARTBEAT
    assert [piece for piece in pieces if b"event" in piece] == [pieces[-1]]
    assert b"COMPLETED" in pieces[-1]
