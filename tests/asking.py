"""Submits requests without HTTP and claims them without a worker."""

import asyncio
from typing import Any

from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer

from jobs import keyspace
from jobs.config.settings import Settings
from jobs.lifecycle.creation import Deadlines
from jobs.lifecycle.lease_owner import LeaseOwner
from jobs.lifecycle.moves import Claim, Created
from jobs.lifecycle.output import Output
from jobs.lifecycle.transitions import Transitions
from jobs.pictures.store import PictureStore
from jobs.redis.connection import connect, connect_async_changes
from jobs.submission import Submission, SubmitCommand

HERE = "http://here.example"
SAMPLES = {"base_image": f"{HERE}/samples/cup.jpg", "overlay_image": f"{HERE}/samples/logo.png"}

MOST_EMPTY = 10
"""Claims in a row that may return nothing, as some only end late requests of other tests."""
LEASE_OWNER = LeaseOwner("a-worker", "a-machine", "1 1")
"""The lease owner of a worker on another machine."""

OUTPUT = Output("token", "outputs/20300101T0000/token", "image/png", 10, 4, 3)


def asked(settings: Settings, key_id: str, params: dict[str, Any] = SAMPLES, **more: Any) -> SubmitCommand:
    """A submit with these parameters, by default with the deadlines of the settings."""
    return SubmitCommand(key_id, params, **{"origin": HERE, "deadlines": Deadlines.default(settings)} | more)


def accept(settings: Settings, command: SubmitCommand, store: PictureStore | None = None) -> Created:
    """Accept a submit as the API does."""

    async def submit() -> Created:
        async with connect_async_changes(settings) as changes:
            with connect(settings) as redis:
                submission = Submission(redis, changes, settings, store or PictureStore.open(settings))
                return await submission.submit(command, asyncio.to_thread)

    return asyncio.run(submit())


def rq_queue(redis: Redis, key_id: str) -> Queue:
    """RQ's view of a key's QUEUED requests."""
    return Queue(f"{keyspace.QUEUE}:{key_id}", redis, serializer=JSONSerializer)


def queued(redis: Redis, key_id: str) -> list[str]:
    """The ids of a key's QUEUED requests, as RQ sees them."""
    return rq_queue(redis, key_id).job_ids


def claim_request(transitions: Transitions, request_id: str, owner: LeaseOwner = LEASE_OWNER) -> Claim:
    """Claim a request as a worker does, and those before it in the queue."""
    held = set[str]()
    empty = 0
    while empty < MOST_EMPTY:
        claims = transitions.claim(owner, holding=sorted(held))
        for each in claims:
            if each.request_id == request_id:
                return each
        held |= {each.request_id for each in claims}
        empty = 0 if claims else empty + 1
    raise LookupError(request_id)
