"""The scripts of batches; each call handles a few requests."""

from functools import cache

from jobs.config.settings import Settings
from jobs.lifecycle.creation import acceptance_script
from jobs.lifecycle.deadlines import GRACE_S
from jobs.redis.script import OOM_EXEMPT, read_script
from jobs.webhooks import schedule

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


@cache
def script(name: str) -> str:
    """A script of this folder, with the functions of `acceptance.lua`."""
    return acceptance_script(f"batches/{name}", **_CONSTANTS)


def settle_script(settings: Settings) -> str:
    files = (
        *("lifecycle/request.lua", "lifecycle/lists.lua", "webhooks/event.lua"),
        *("batches/counts.lua", "batches/settle.lua"),
    )
    constants = schedule.IN_SCRIPTS | _CONSTANTS
    return OOM_EXEMPT + read_script(*files, **constants, TTL=settings.result_ttl_s * 1000)
