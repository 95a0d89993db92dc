"""The script of the state machine, with its limits and error texts."""

from typing import Any

from jobs.config.settings import Settings
from jobs.lifecycle.creation import GRACE_S
from jobs.lifecycle.moves import CANCELLED
from jobs.lifecycle.status import TERMINAL, FailureCode
from jobs.queue.rq import RQ_TTL_S
from jobs.redis.script import OOM_EXEMPT, read_script
from jobs.webhooks import schedule

FILES = (
    *("lifecycle/request.lua", "lifecycle/lists.lua", "lifecycle/write_buffer.lua"),
    *("queue/turns.lua", "queue/transport.lua", "webhooks/event.lua", "batches/counts.lua"),
    *("lifecycle/transition.lua", "queue/claims.lua"),
)

MAX_SWEPT = 100
"""Requests that one sweep ends at most, as it blocks Redis."""

MAX_SKIPPED = 50
"""Queue entries that one claim skips at most: it ends late requests and those of cancelled batches."""

MAX_FAILED_PARAMS_BYTES = 1024
"""Length up to which a FAILED request keeps its parameters, so that it can be submitted again."""

LOST = "the worker died while rendering this picture, more than once; submit it again or report it"
UNSTARTED = "no worker was free in time; submit it again later"
UNFINISHED = (
    "rendering this picture took longer than {timeout} s; use smaller pictures or faster addresses, "
    "or request more time with the header X-Timeout"
)


def move_script(settings: Settings) -> str:
    """Exempt from Redis's memory limit, so that accepted requests can end when the memory is full."""
    constants: dict[str, Any] = schedule.IN_SCRIPTS | {
        "TTL": settings.result_ttl_s * 1000,
        "RQ_TTL_S": RQ_TTL_S,
        "LEASE": round(settings.lease_s * 1000),
        "GRACE": GRACE_S * 1000,
        "MAX_ATTEMPTS": settings.max_attempts,
        "MAX_FAILED_PARAMS": MAX_FAILED_PARAMS_BYTES,
        "MAX_SKIPPED": MAX_SKIPPED,
        "TERMINAL": dict.fromkeys(sorted(TERMINAL), True),
        "CANCELLED": CANCELLED.code,
        "BY_OWNER": CANCELLED.error,
        "WORKER_LOST": FailureCode.WORKER_LOST,
        "TIMEOUT": FailureCode.TIMEOUT,
        "LOST": LOST,
        "UNSTARTED": UNSTARTED,
        "UNFINISHED": UNFINISHED,
    }
    return OOM_EXEMPT + read_script(*FILES, **constants)
