"""The Lua that knows where events wait, and what it is told of time."""

from pathlib import Path

from jobs import keyspace
from jobs.redis.oom_exempt import OOM_EXEMPT

LANES = ("proven", "new", "troubled")
"""By a receiver's latest attempt: it succeeded, none was made in the last day, it failed."""

RETRY_AFTER_S = (5, 30, 120, 300, 600, 1200, 3600, 7200, 18_000, 36_000)
"""From a failed attempt to the next."""

EVENT_TTL_S = 3 * 86_400
"""An event that is not delivered is kept for so long, and is given up before, a day after its first attempt,
unless its receiver says that it is to be asked later."""

STANDING_TTL_S = 86_400
LEASE_S = 30
"""Twice what an attempt takes; an event whose sender died is sent again after this."""

CONSTANTS = {
    "LANES": LANES,
    "SCHEDULE": [seconds * 1000 for seconds in RETRY_AFTER_S],
    "EVENT_TTL": EVENT_TTL_S * 1000,
    "STANDING_TTL": STANDING_TTL_S * 1000,
    "EVENT_LEASE": LEASE_S * 1000,
}


def event_script(name: str, **constants: object) -> str:
    """One of the scripts beside this file. Redis runs it although its memory is full, as it frees some."""
    parts = ("../lifecycle/request.lua", "event.lua", name)
    text = "".join((Path(__file__).parent / part).read_text() for part in parts)
    return OOM_EXEMPT + keyspace.script(text, **CONSTANTS, **constants)
