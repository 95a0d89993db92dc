"""The calls of an event sender to Redis, which report attempts and claim due events."""

import json
import logging
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from redis.asyncio import Redis

from jobs.batches.record import BatchRecord
from jobs.config.settings import Settings
from jobs.lifecycle.record import FIELDS, Record, View
from jobs.redis.hashes import named
from jobs.redis.script import AsyncScript
from jobs.webhooks.deliveries import MAX_ATTEMPTS_SHOWN, Attempt, event_script

PER_RECEIVER = {"proven": 8, "new": 1, "troubled": 1}
"""The maximum of events that one sender has in flight to one receiver, by lane."""

NEW_OF_KEY = 8
"""One eighth of a sender's concurrency is the maximum in flight to new receivers of one key. This is half of
the lane, so that dead receivers of a key do not delay other keys."""

TROUBLED = 3
"""The number of consecutive failures after which a receiver is paused: for `PAUSE_S`, then twice as long each
time, up to `MAX_PAUSE_S`. That is the longest delay of its events once it has recovered."""
PAUSE_S = 0.25
MAX_PAUSE_S = 5
MAX_WAIT_S = 60  # the longest pause of a receiver by its Retry-After

log = logging.getLogger("superimpose.webhooks")

EVENT_FIELDS = (
    *("id", "url", "receiver", "attempts", "origin", "base64", "generation", "traceparent"),
    *(*FIELDS[View.STATUS], "expires_at", "output"),
    *("total", "completed", "failed", "cancelled", "archive"),  # of a batch, in addition to shared fields
)


class Ending(StrEnum):
    DELIVERED = "delivered"
    GONE = "gone"
    RETRY = "retry"
    GIVEN_BACK = "given_back"
    """Interrupted because the sender stops: it does not count as an attempt, and the event is due now."""


@dataclass(frozen=True)
class Event:
    """A claimed event; `attempt` is the number of the attempt to send it.

    `request_id` is the id of the ended request or batch. `generation` is that of the key's secret;
    `with_former`: the previous one is used too. `traceparent` belongs to the request's trace, or is "".
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
    """An ended attempt; `entry` is its log entry, None if it was given back.

    `wait_s` is the receiver's Retry-After; `jitter` is a factor of the delay before the next attempt.
    """

    event: Event
    ending: Ending
    entry: Attempt | None = None
    wait_s: float = 0
    jitter: float = 1

    def args(self) -> dict[str, Any]:
        return {
            "id": self.event.request_id,
            "attempt": self.event.attempt,
            "entry": json.dumps(vars(self.entry)) if self.entry else "",
            "ending": self.ending,
            "wait": round(self.wait_s * 1000),
            "jitter": self.jitter,
        }


class Exchange:
    """The exchange of one sender, which makes one call at a time."""

    def __init__(self, redis: Redis, settings: Settings) -> None:
        constants = {
            "EVENT_FIELDS": EVENT_FIELDS,
            "PER_RECEIVER": PER_RECEIVER,
            "NEW_OF_KEY": settings.webhook_concurrency // NEW_OF_KEY,
            "MAX_ATTEMPTS_SHOWN": MAX_ATTEMPTS_SHOWN,
            "TTL": settings.result_ttl_s * 1000,
            "TROUBLED": TROUBLED,
            "PAUSE": round(PAUSE_S * 1000),
            "MAX_PAUSE": MAX_PAUSE_S * 1000,
            "MAX_WAIT": MAX_WAIT_S * 1000,
        }
        self._script = AsyncScript(redis, event_script("exchange.lua", **constants))
        self._turn = 0
        self._clock_offset_s = time.time() - time.monotonic()

    def now(self) -> float:
        """Seconds since the epoch on Redis's clock, estimated since its last reply."""
        return time.monotonic() + self._clock_offset_s

    async def __call__(
        self, reports: Sequence[Report], free: Mapping[str, int], in_flight: Collection[Event]
    ) -> tuple[list[Event], list[str]]:
        """Report ended attempts, and claim due events for the `free` slots of each lane.

        `in_flight` are the events that this sender is sending. Returns the claimed events, and the ids of
        requests whose events are given up. Raises `redis.RedisError`; the call may be repeated.
        """
        self._turn += 1
        receivers = Counter(event.receiver for event in in_flight)
        args = {
            "reports": [report.args() for report in reports],
            "free": free,
            "in_flight": receivers,
            "receivers": len(receivers),
            "new": Counter(event.record.key_id for event in in_flight if event.lane == "new"),
            "turn": self._turn,
        }
        now_ms, claims, given_up = await self._script(args=[json.dumps(args)])
        self._clock_offset_s = int(now_ms) / 1000 - time.monotonic()
        events = [event for claim in claims if (event := _readable_event(*claim))]
        return events, [request_id.decode() for request_id in given_up]


def _readable_event(*claim: Any) -> Event | None:
    try:
        return _event(*claim)
    except (KeyError, TypeError, ValueError) as error:
        log.error("request %s: its event cannot be read: %s", claim[2].decode(), ascii(error))
        return None


def _event(
    lane: bytes, values: Sequence[bytes | None], request_id: bytes, generation: int, with_former: int
) -> Event:
    text = named(EVENT_FIELDS, values)
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
