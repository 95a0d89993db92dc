"""What must be true of the events of requests that have ended, and the wait for the last of them."""

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from redis import Redis

from jobs import keyspace
from jobs.webhooks.deliveries import Deliveries
from tests.chaos.load import Told
from tests.chaos.outside.receiver import Received
from tests.chaos.service import Service

PATIENCE_S = 180
LOOK_AGAIN_S = 0.5


def broken_promises(told: Sequence[Told], received: Sequence[Received]) -> Iterator[str]:
    """A sentence for each event that did not come as it had to, and each that nobody asked for."""
    calls = defaultdict(list)
    for call in received:
        calls[call.path].append(call)
    for one in told:
        for complaint in _complaints(one, calls.pop(_path(one), [])):
            yield f"request {one.request_id} ({one.asked.kind}): {complaint}"
    for path, strays in calls.items():
        yield f"{len(strays)} calls of {path}, which no request named"


def message_id(told: Told) -> str | None:
    """The id of its one event; None if it has none."""
    ending = (told.status or "").lower()
    events = told.asked.webhook.get("webhook_events", ["completed", "failed"])
    is_wanted = told.asked.webhook and ending in events
    return f"msg_{told.request_id.replace('-', '')}_{ending}" if is_wanted else None


def _path(told: Told) -> str:
    return urlsplit(told.asked.webhook.get("webhook_url", "")).path


def _complaints(told: Told, calls: Sequence[Received]) -> Iterator[str]:
    its_own = message_id(told)
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
        if not _says(body, told):
            yield f"its event says {body.decode()}, and the answer was {told.said}"


def _says(body: bytes, told: Told) -> bool:
    """Whether it is what the client was told, of its result unless that has expired before."""
    event = json.loads(body)
    kind = f"request.{(told.status or '').lower()}"
    return event == {**event, "type": kind, "request_id": told.request_id, **told.said}


def undelivered(redis: Redis, key_id: str) -> int:
    """How many events are counted for a key."""
    return int(redis.hget(keyspace.api_key(key_id), "undelivered") or 0)


async def await_deliveries(service: Service, told: Sequence[Told]) -> None:
    """Until all have come and are known to have, or our patience has ended.

    One that would be tried again only later is sent now, as its owner may ask for.
    """
    deadline = time.time() + PATIENCE_S
    deliveries = Deliveries(service.redis)
    while time.time() < deadline:
        arrived = {call.message_id for call in service.receiver.received if call.is_delivered}
        awaited = [one for one in told if message_id(one) not in arrived | {None}]
        if not awaited and not undelivered(service.redis, service.key_id):
            return
        for one in awaited:
            delivery = deliveries.find(one.request_id)
            if delivery and (delivery.next_attempt_at or 0) > deadline:
                deliveries.redeliver(one.request_id)
        await asyncio.sleep(LOOK_AGAIN_S)
