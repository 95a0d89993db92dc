"""Finished requests with an event, without a worker and a sender."""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from redis import Redis

from jobs import keyspace
from jobs.config.settings import Settings
from jobs.lifecycle.creation import NewRequest
from jobs.lifecycle.moves import Failure
from jobs.lifecycle.options import RequestOptions
from jobs.lifecycle.status import FailureCode
from jobs.lifecycle.transitions import Transitions
from jobs.webhooks.rules import webhook_fields
from tests.asking import HERE, OUTPUT, claim_request

MASTER = "a-master-secret-of-the-tests-long-enough"
BROKEN = Failure(FailureCode.INTERNAL, "broken")


def with_webhooks(settings: Settings, **more: Any) -> Settings:
    """The settings of a service with receivers on loopback."""
    given = {"webhook_secret": (MASTER,), "webhook_http": True, "fetch_allow": ("127.0.0.1/32",)}
    return settings.model_copy(update=given | more)


def new_request(
    transitions: Transitions,
    key_id: str,
    url: str,
    events: Sequence[str] | None = None,
    custom_id: str | None = None,
    has_base64: bool = False,
) -> str:
    """A queued request with these events; returns its id."""
    request_id = str(uuid4())
    webhook = webhook_fields(url, events, key_id, HERE, has_base64)
    options = RequestOptions(custom_id=custom_id)
    transitions.create(NewRequest(request_id, key_id, {}, options=options, webhook=webhook))
    return request_id


def complete(transitions: Transitions, request_id: str) -> None:
    claim = claim_request(transitions, request_id)
    transitions.complete(request_id, claim.attempt, OUTPUT, {"decode": 0.25, "encode": 0.25})


def fail(transitions: Transitions, request_id: str) -> None:
    transitions.cancel(request_id, BROKEN)


def completed(transitions: Transitions, key_id: str, url: str, **more: Any) -> str:
    """A COMPLETED request whose event is due; returns its id."""
    request_id = new_request(transitions, key_id, url, **more)
    complete(transitions, request_id)
    return request_id


def event_of(redis: Redis, request_id: str) -> dict[bytes, bytes]:
    found: Any = redis.hgetall(keyspace.event(request_id))
    return dict(found)


def lapse(redis: Redis, request_id: str) -> None:
    """Make the lease or the pause of an event end now."""
    event = event_of(redis, request_id)
    receiver, key_id = event[b"receiver"].decode(), event[b"key_id"].decode()
    redis.hset(keyspace.event(request_id), "lease", 1)
    redis.zadd(keyspace.tried_events(receiver), {request_id: 1})
    for line in (keyspace.lane("proven"), keyspace.new_receivers(key_id), keyspace.lane("troubled")):
        redis.zadd(line, {receiver: 1}, xx=True)
    redis.zadd(keyspace.lane("new"), {key_id: 1}, xx=True)
