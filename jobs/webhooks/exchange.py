"""What a sender of events and Redis tell each other: attempts that have ended, events that are due."""

import json
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from redis.asyncio import Redis

from jobs.batches.record import BatchRecord
from jobs.config.settings import Settings
from jobs.lifecycle.record import Record
from jobs.redis.script import AsyncScript
from jobs.webhooks.deliveries import ATTEMPTS_KEPT, Attempt
from jobs.webhooks.scripts import event_script

PER_RECEIVER = {"proven": 8, "new": 1, "troubled": 1}
"""Events that one sender has under way to one receiver at most, by its lane."""

TROUBLED = 3
"""After so many failures in a row a receiver is left alone for a while: a quarter of a second, then twice as
long each time, up to `LONGEST_PAUSE_S`. Its events wait no longer than that once it is well again."""
PAUSE_S = 0.25
LONGEST_PAUSE_S = 5
LONGEST_WAIT_S = 60  # for which all events of a receiver wait by its Retry-After

log = logging.getLogger("superimpose.webhooks")

_RECORD = (
    "key_id",
    "custom_id",
    "status",
    "created_at",
    "started_at",
    "finished_at",
    "expires_at",
    "code",
    "error",
    "metrics",
    "output",
)
_BATCH = ("total", "completed", "failed", "cancelled", "archive")  # beside those it has as a request does
EVENT_FIELDS = (
    "id",
    "url",
    "receiver",
    "attempts",
    "origin",
    "base64",
    "generation",
    "traceparent",
    *_RECORD,
    *_BATCH,
)


class Ending(StrEnum):
    """How an attempt ended."""

    DELIVERED = "delivered"
    GONE = "gone"
    RETRY = "retry"
    GIVEN_BACK = "given_back"
    """It was broken off, as the sender stops: it is no attempt, and the event is due now."""


@dataclass(frozen=True)
class Event:
    """An event to be sent, by an attempt that has begun: `attempt` counts them.

    `request_id` is the id of what has ended, and may be a batch's.
    `generation` is that of its key's secret, and `with_former`: whether the one before is used too.
    `traceparent`: of the request's trace, or "".
    """

    request_id: str
    message_id: str
    attempt: int
    lane: str
    receiver: str
    url: str
    origin: str
    has_base64: bool
    generation: int
    with_former: bool
    record: Record | BatchRecord
    traceparent: str = ""


@dataclass(frozen=True)
class Report:
    """An attempt that has ended; `made` is its entry in the log, None for one that was given back.

    `wait_s`: how long the receiver wants to be left alone; `jitter`: a factor of the pause before the next.
    """

    event: Event
    ending: Ending
    made: Attempt | None = None
    wait_s: float = 0
    jitter: float = 1

    def said(self) -> dict[str, Any]:
        return {
            "id": self.event.request_id,
            "attempt": self.event.attempt,
            "entry": json.dumps(vars(self.made)) if self.made else "",
            "ending": self.ending,
            "wait": round(self.wait_s * 1000),
            "jitter": self.jitter,
        }


class Exchange:
    """One for a sender, which makes one call at a time."""

    def __init__(self, redis: Redis, settings: Settings) -> None:
        constants = {
            "EVENT_FIELDS": EVENT_FIELDS,
            "PER_RECEIVER": PER_RECEIVER,
            "ATTEMPTS_KEPT": ATTEMPTS_KEPT,
            "TTL": settings.result_ttl_s * 1000,
            "TROUBLED": TROUBLED,
            "PAUSE": round(PAUSE_S * 1000),
            "LONGEST_PAUSE": LONGEST_PAUSE_S * 1000,
            "LONGEST_WAIT": LONGEST_WAIT_S * 1000,
        }
        self._script = AsyncScript(redis, event_script("exchange.lua", **constants))
        self._turn = 0
        self._ahead_s = time.time() - time.monotonic()

    def now(self) -> float:
        """Seconds since the epoch on Redis's clock, as far as its last answer told."""
        return time.monotonic() + self._ahead_s

    async def __call__(
        self, reports: Sequence[Report], free: Mapping[str, int], holding: Mapping[str, int]
    ) -> tuple[list[Event], list[str]]:
        """Report what has ended, and claim what is due, as many in each lane as are `free`.

        `holding`: how many events this sender has of which receivers. The ids returned are of requests
        whose events are given up by these reports. Raises `redis.RedisError`; all of it
        may be said again.
        """
        self._turn += 1
        said = {
            "reports": [report.said() for report in reports],
            "free": free,
            "holding": holding,
            "busy": len(holding),
            "turn": self._turn,
        }
        at, claims, failed = await self._script(args=[json.dumps(said)])
        self._ahead_s = int(at) / 1000 - time.monotonic()
        events = [event for claim in claims if (event := _readable_event(*claim))]
        return events, [request_id.decode() for request_id in failed]


def _readable_event(*claim: Any) -> Event | None:
    try:
        return _event(*claim)
    except (KeyError, TypeError, ValueError) as error:
        log.error("request %s: its event cannot be read: %s", claim[2].decode(), ascii(error))
        return None


def _event(
    lane: bytes, values: Sequence[bytes | None], request_id: bytes, generation: int, with_former: int
) -> Event:
    pairs = zip(EVENT_FIELDS, values, strict=True)
    text = {name: value.decode() for name, value in pairs if value is not None}
    return Event(
        request_id=request_id.decode(),
        message_id=text["id"],
        attempt=int(text["attempts"]) + 1,
        lane=lane.decode(),
        receiver=text["receiver"],
        url=text["url"],
        origin=text["origin"],
        has_base64=text["base64"] == "1",
        generation=generation,
        with_former=bool(with_former),
        record=(BatchRecord if "archive" in text else Record).from_text(request_id.decode(), text),
        traceparent=text.get("traceparent", ""),
    )
