"""Invariants of webhook events, and the wait for the last of them."""

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from redis import Redis

from jobs import keyspace
from jobs.webhooks.deliveries import Deliveries
from tests.chaos.batches.following import BatchOutcome
from tests.chaos.load import RequestOutcome
from tests.chaos.outside.receiver import Received
from tests.chaos.service import Service

TIMEOUT_S = 180
SOON_S = 45  # the third attempt comes after two minutes
LOOK_AGAIN_S = 0.5

EventOutcome = RequestOutcome | BatchOutcome
"""It has one event if it has a webhook."""


def broken_promises(outcomes: Sequence[EventOutcome], received: Sequence[Received]) -> Iterator[str]:
    """A sentence for each missing or wrong event, and each that no client requested."""
    calls = defaultdict(list)
    for call in received:
        calls[call.path].append(call)
    for one in outcomes:
        for complaint in _complaints(one, calls.pop(urlsplit(one.webhook_url).path, [])):
            yield f"{one}: {complaint}"
    for path, strays in calls.items():
        yield f"{len(strays)} calls of {path}, which no request named"


def _complaints(outcome: EventOutcome, calls: Sequence[Received]) -> Iterator[str]:
    its_own = outcome.message_id
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
        if event != {**event, **outcome.event}:
            yield f"its event says {body.decode()}, and not {outcome.event}"


def undelivered(redis: Redis, key_id: str) -> int:
    """The number of undelivered events that are counted for a key."""
    return int(redis.hget(keyspace.api_key(key_id), "undelivered") or 0)


async def await_deliveries(service: Service, outcomes: Sequence[EventOutcome]) -> None:
    """Wait until all events have arrived and been reported, or the timeout is over.

    An event whose next attempt is far away is redelivered at once, as its owner could request.
    """
    deadline = time.time() + TIMEOUT_S
    deliveries = Deliveries(service.redis)
    while time.time() < deadline:
        arrived = {call.message_id for call in service.receiver.received if call.is_delivered}
        awaited = [one for one in outcomes if one.message_id not in arrived | {None}]
        if not awaited and not any(undelivered(service.redis, key_id) for key_id in service.keys):
            return
        for one in awaited:
            delivery = deliveries.find(one.its_id)
            if delivery and (delivery.next_attempt_at or 0) > min(time.time() + SOON_S, deadline):
                deliveries.redeliver(one.its_id)
        await asyncio.sleep(LOOK_AGAIN_S)
