"""The script of the state machine, with its limits and texts."""

from pathlib import Path
from typing import Any

from jobs import keyspace
from jobs.config.settings import Settings
from jobs.lifecycle.deadlines import GRACE_S
from jobs.lifecycle.moves import CANCELLED
from jobs.lifecycle.queue import RQ_TTL_S
from jobs.lifecycle.status import TERMINAL, FailureCode
from jobs.redis.oom_exempt import OOM_EXEMPT
from jobs.webhooks.scripts import CONSTANTS as EVENT_CONSTANTS

PARTS = (
    "request.lua",
    "lists.lua",
    "write_buffer.lua",
    "turns.lua",
    "transport.lua",
    "../webhooks/event.lua",
    "../batches/counts.lua",
    "transition.lua",
    "queue.lua",
)

SWEEP_MOST = 100
"""Requests that one sweep ends at most: Redis does nothing else meanwhile."""

DROPPED_MOST = 50
"""Entries of the queue that are no use to a worker, and that one claim passes over at most: it ends those
that are late, or of a cancelled batch."""

KEPT_PARAMS_BYTES = 1024
"""Longest parameters kept of a FAILED request, from which it can be submitted again."""

LOST = "the worker died while it made this picture, more than once; submit it again or report it"
UNSTARTED = "no worker was free in time; submit it again later"
UNFINISHED = (
    "making this picture took longer than {timeout} s; use smaller pictures or faster addresses, "
    "or ask for more time with the header X-Timeout"
)


def move_script(settings: Settings) -> str:
    """A Redis whose memory is full still lets requests that were accepted go on to their end."""
    text = "".join((Path(__file__).parent / part).read_text() for part in PARTS)
    return OOM_EXEMPT + keyspace.script(text, **_constants(settings))


def _constants(settings: Settings) -> dict[str, Any]:
    return EVENT_CONSTANTS | {
        "TTL": settings.result_ttl_s * 1000,
        "RQ_TTL_S": RQ_TTL_S,
        "LEASE": round(settings.lease_s * 1000),
        "GRACE": GRACE_S * 1000,
        "MAX_ATTEMPTS": settings.max_attempts,
        "KEPT_PARAMS": KEPT_PARAMS_BYTES,
        "DROPPED_MOST": DROPPED_MOST,
        "TERMINAL": dict.fromkeys(sorted(TERMINAL), True),
        "CANCELLED": CANCELLED.code,
        "BY_OWNER": CANCELLED.error,
        "WORKER_LOST": FailureCode.WORKER_LOST,
        "TIMEOUT": FailureCode.TIMEOUT,
        "LOST": LOST,
        "UNSTARTED": UNSTARTED,
        "UNFINISHED": UNFINISHED,
    }
