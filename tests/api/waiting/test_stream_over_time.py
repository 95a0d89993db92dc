"""An event stream over time: heartbeats, and an end after the maximum duration."""

import asyncio
from types import SimpleNamespace

import pytest
from fastapi import Request
from redis import ConnectionError
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT

from api.waiting import call as waiting
from api.waiting.changes import Changes
from api.waiting.event_stream import HEARTBEAT, HEARTBEAT_S, LONGEST_S, RECONNECT, EventStream
from jobs.config.settings import Settings
from jobs.lifecycle.record import Record
from jobs.lifecycle.status import Status
from tests.asking import HERE

LONGEST_EVENT = 4096  # bytes; for two URLs, or an error of one sentence, and a dozen times


class Records:
    """A fake reader that returns given records, or fails as without Redis."""

    status: Status | None = Status.QUEUED
    reads = 0

    async def request(self, request_id, _):
        self.reads += 1
        if self.status is None:
            raise ConnectionError("away")
        return Record(request_id, "key", self.status, 0.0, {}), None


@pytest.fixture
def records() -> Records:
    return Records()


@pytest.fixture
def changes() -> Changes:
    return Changes(None)  # type: ignore[arg-type]


@pytest.fixture
def streamed(records, changes):
    """Runs a stream to its end; calls `seen` with each chunk."""

    def streamed(seen=lambda _: None, **life: float) -> list[bytes]:
        pieces = []

        async def receive():
            await asyncio.Event().wait()

        async def send(message):
            if message["type"] == "http.response.body" and message["body"]:
                pieces.append(message["body"])
                seen(message["body"])

        async def run():
            service = SimpleNamespace(reader=records, changes=changes, settings=Settings(public_url=HERE))
            app = SimpleNamespace(state=SimpleNamespace(service=service))
            scope = {"type": "http", "app": app, "path_params": {"request_id": "some"}, "headers": []}
            stream = EventStream(Request(scope, receive), "", **life)
            await stream(scope, receive, send)

        asyncio.run(asyncio.wait_for(run(), 60))
        assert changes.watchers == 0
        return pieces

    return streamed


def test_heartbeats_do_not_read_from_redis(records, changes, streamed):
    heartbeats = []

    def stop_after_three(piece):
        heartbeats.append(piece) if piece == HEARTBEAT else None
        if len(heartbeats) == 3:
            changes.stop()

    pieces = streamed(stop_after_three, heartbeat_s=0.01)

    assert pieces[0] == RECONNECT
    assert pieces[1].startswith(b'event: status\nid: QUEUED\ndata: {"status":"QUEUED",')
    assert pieces[2:5] == 3 * [HEARTBEAT]
    assert records.reads == 1


def test_a_whole_stream_fits_into_the_write_buffer():
    heartbeats = LONGEST_S / min(HEARTBEAT_S, waiting.RETRY_S) * len(HEARTBEAT)

    assert len(RECONNECT) + 3 * LONGEST_EVENT + heartbeats < HIGH_WATER_LIMIT


def test_a_stream_ends_after_its_maximum_duration(streamed):
    assert len(streamed(heartbeat_s=10, longest_s=0.5)) == 2


def test_a_stream_survives_an_outage_of_redis(records, changes, streamed, monkeypatch):
    monkeypatch.setattr(waiting, "RETRY_S", 0.01)
    records.status = None

    def come_back(piece):
        if piece == HEARTBEAT:
            records.status = Status.COMPLETED

    pieces = streamed(come_back, heartbeat_s=10)

    assert pieces[1] == HEARTBEAT
    assert [piece for piece in pieces if b"event" in piece] == [pieces[-1]]
    assert b"COMPLETED" in pieces[-1]
