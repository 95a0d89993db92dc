"""What must be true of the events of requests that have ended, and the wait for the last of them."""

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import urlsplit

from redis import Redis

from jobs import keyspace
from jobs.webhooks.deliveries import Deliveries
from tests.chaos.outside.receiver import Received
from tests.chaos.service import Service

PATIENCE_S = 180
SOON_S = 45  # the third try comes after two minutes
LOOK_AGAIN_S = 0.5


class Telling(Protocol):
    """What a client was told about something that has ended, and has one event if it asked for it."""

    @property
    def its_id(self) -> str: ...

    @property
    def webhook_url(self) -> str:
        """Empty: none."""

    @property
    def message_id(self) -> str | None:
        """Id of its event; None if it has none."""

    @property
    def event(self) -> Mapping[str, Any]:
        """What the event must say, of the result unless that has expired before its client came."""


def broken_promises(told: Sequence[Telling], received: Sequence[Received]) -> Iterator[str]:
    """A sentence for each event that did not come as it had to, and each that nobody asked for."""
    calls = defaultdict(list)
    for call in received:
        calls[call.path].append(call)
    for one in told:
        for complaint in _complaints(one, calls.pop(urlsplit(one.webhook_url).path, [])):
            yield f"{one}: {complaint}"
    for path, strays in calls.items():
        yield f"{len(strays)} calls of {path}, which no request named"


def _complaints(told: Telling, calls: Sequence[Received]) -> Iterator[str]:
    its_own = told.message_id
    strange = {call.message_id for call in calls} - {its_own}
    if strange:
        yield f"its receiver got {sorted(strange)}, and not only {its_own}"
    if its_own and not any(call.is_delivered for call in calls):
        yield f"its event was not delivered, at {[call.answered for call in calls]}"
    bodies = {call.body for call in calls}
    if len(bodies) > 1:
        yield f"its event came with {len(bodies)} bodies: {sorted(bodies)}"
    yield from {f"its event is not to be believed: {call.fault}" for call in calls if call.fault}
    for body in bodies:
        event = json.loads(body)
        if event != {**event, **told.event}:
            yield f"its event says {body.decode()}, and not {told.event}"


def undelivered(redis: Redis, key_id: str) -> int:
    """How many events are counted for a key."""
    return int(redis.hget(keyspace.api_key(key_id), "undelivered") or 0)


async def await_deliveries(service: Service, told: Sequence[Telling]) -> None:
    """Until all have come and are known to have, or our patience has ended.

    One that would not be tried again soon is sent now, as its owner may ask for.
    """
    deadline = time.time() + PATIENCE_S
    deliveries = Deliveries(service.redis)
    while time.time() < deadline:
        arrived = {call.message_id for call in service.receiver.received if call.is_delivered}
        awaited = [one for one in told if one.message_id not in arrived | {None}]
        if not awaited and not any(undelivered(service.redis, key_id) for key_id in service.keys):
            return
        for one in awaited:
            delivery = deliveries.find(one.its_id)
            if delivery and (delivery.next_attempt_at or 0) > min(time.time() + SOON_S, deadline):
                deliveries.redeliver(one.its_id)
        await asyncio.sleep(LOOK_AGAIN_S)
