"""The delivery of an event as shown to the owner and the operator, and its redelivery."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from redis import Redis

from jobs import keyspace
from jobs.network.urls import read_url
from jobs.redis.connection import redis_time
from jobs.redis.hashes import as_text
from jobs.redis.script import OOM_EXEMPT, Script, read_script
from jobs.timefmt import rfc3339
from jobs.webhooks.schedule import IN_SCRIPTS

MAX_ATTEMPTS_SHOWN = 20


def event_script(name: str, **constants: object) -> str:
    """A script that also runs when Redis's memory is full, as sent events free memory."""
    files = ("lifecycle/request.lua", "webhooks/event.lua", f"webhooks/{name}")
    return OOM_EXEMPT + read_script(*files, **IN_SCRIPTS, **constants)


class State(StrEnum):
    PENDING = "pending"
    """The event will be sent or retried; also while its request runs."""
    DELIVERED = "delivered"
    FAILED = "failed"
    """No attempt succeeded, and none will follow."""
    GONE = "gone"
    """The receiver answered 410."""


class NoEvent(LookupError):
    """The request has no webhook for its final status, still runs, or its event has expired."""


@dataclass(frozen=True)
class Attempt:
    """One attempt at `at`, in seconds since the epoch; `status` is None without a response.

    `error` never quotes the receiver; None if the attempt succeeded.
    """

    at: float
    status: int | None
    duration_ms: int
    error: str | None

    def shown(self) -> dict[str, Any]:
        return {**vars(self), "at": rfc3339(self.at)}


@dataclass(frozen=True)
class Delivery:
    """`url` is without its query; `next_attempt_at` None: none is planned, or one is in flight."""

    request_id: str
    key_id: str
    message_id: str | None
    url: str
    state: State
    attempts: Sequence[Attempt] = ()
    next_attempt_at: float | None = None

    def shown(self) -> dict[str, Any]:
        return {
            "url": self.url,
            "state": self.state,
            "attempts": [attempt.shown() for attempt in self.attempts],
            "next_attempt_at": None if self.next_attempt_at is None else rfc3339(self.next_attempt_at),
        }


class Deliveries:
    """All methods raise `redis.RedisError`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._redeliver = Script(redis, event_script("redeliver.lua"))

    def find(self, request_id: str) -> Delivery | None:
        """The delivery of a request's event, or None; the caller checks its owner."""
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.hgetall(keyspace.event(request_id))
            pipe.hmget(keyspace.request(request_id), "key_id", "webhook", "status")
            event, (key_id, webhook, status) = pipe.execute()
        if event:
            return self._delivery(request_id, as_text(event))
        if webhook is None or status not in (b"QUEUED", b"PROCESSING"):
            return None
        url = read_url(json.loads(webhook)["url"]).shown
        return Delivery(request_id, key_id.decode(), None, url, State.PENDING)

    def redeliver(self, request_id: str) -> None:
        """Send the event again now, with the full retry schedule. Raises `NoEvent`."""
        if not self._redeliver(args=[request_id]):
            raise NoEvent(request_id)

    def _delivery(self, request_id: str, event: Mapping[str, str]) -> Delivery:
        is_in_flight = "lease" in event and redis_time(self._redis) * 1000 < int(event["lease"])
        state = State(event["state"])
        is_planned = state is State.PENDING and not is_in_flight
        return Delivery(
            request_id,
            event["key_id"],
            event["id"],
            read_url(event["url"]).shown,
            state,
            _attempts(event),
            int(event["next"]) / 1000 if is_planned else None,
        )


def _attempts(event: Mapping[str, str]) -> list[Attempt]:
    texts = {int(name[8:]): text for name, text in event.items() if name.startswith("attempt:")}
    return [Attempt(**json.loads(texts[number])) for number in sorted(texts)]
