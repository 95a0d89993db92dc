"""The scripts of batches; each call handles a few requests."""

from functools import cache
from pathlib import Path

from redis import Redis

from jobs import keyspace
from jobs.config.settings import Settings
from jobs.lifecycle.creation import acceptance_script
from jobs.lifecycle.deadlines import GRACE_S
from jobs.redis.oom_exempt import OOM_EXEMPT
from jobs.redis.script import Script
from jobs.webhooks.scripts import CONSTANTS as EVENT_CONSTANTS

REQUESTS_PER_CALL = 20
"""Requests that one call queues, drops or cancels: it blocks Redis for about 2 ms."""

OPEN_FOR_S = 1800  # a batch that has not been accepted after this time is dropped

IDLE_FOR_S = 2  # the reconciler continues a batch that made no progress for this long

OVERDUE_AFTER_S = GRACE_S + 5
"""Counted from the last deadline of its requests: a batch that has not ended by then was miscounted."""

_CONSTANTS = {
    "STAGED_FOR": OPEN_FOR_S * 1000,
    "IDLE_FOR": IDLE_FOR_S * 1000,
    "OVERDUE_AFTER": OVERDUE_AFTER_S * 1000,
}
_HERE = Path(__file__).parent


@cache
def script(name: str) -> str:
    """A script of this folder, with the functions of `acceptance.lua`."""
    return acceptance_script((_HERE / name).read_text(), **_CONSTANTS)


def oom_exempt_script(redis: Redis, name: str) -> Script:
    """A script that also runs when Redis's memory is full, as it continues an existing batch."""
    return Script(redis, OOM_EXEMPT + script(name))


def settle_script(settings: Settings) -> str:
    parts = (
        "../lifecycle/request.lua",
        "../lifecycle/lists.lua",
        "../webhooks/event.lua",
        "counts.lua",
        "settle.lua",
    )
    text = "".join((_HERE / part).read_text() for part in parts)
    return OOM_EXEMPT + keyspace.script(
        text, **EVENT_CONSTANTS, **_CONSTANTS, TTL=settings.result_ttl_s * 1000
    )
