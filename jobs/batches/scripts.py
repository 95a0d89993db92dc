"""The scripts of batches, each of which does a few requests at a time."""

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

AT_A_TIME = 20
"""Requests of one call that enters, drops or cancels them: some 2 ms, in which Redis does nothing else."""

OPEN_FOR_S = 1800  # a batch that has not been accepted by then is dropped

LEFT_FOR_S = 2  # without progress, after which the reconciler goes on with a batch

OVERDUE_AFTER_S = GRACE_S + 5
"""After the last deadline of its requests; a batch that is not at its end by then was miscounted."""

_CONSTANTS = {
    "STAGED_FOR": OPEN_FOR_S * 1000,
    "LEFT_FOR": LEFT_FOR_S * 1000,
    "OVERDUE_AFTER": OVERDUE_AFTER_S * 1000,
}
_HERE = Path(__file__).parent


@cache
def script(name: str) -> str:
    """One that makes requests, or moves what was accepted on."""
    return acceptance_script((_HERE / name).read_text(), **_CONSTANTS)


def exempt(redis: Redis, name: str) -> Script:
    """What goes on with a batch does although Redis's memory is full."""
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
