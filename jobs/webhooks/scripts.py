"""The Lua scripts of events."""

from pathlib import Path

from jobs import keyspace
from jobs.redis.oom_exempt import OOM_EXEMPT
from jobs.webhooks.schedule import EVENT_TTL_S, LANES, LEASE_S, RETRY_AFTER_S, STANDING_TTL_S

CONSTANTS = {
    "LANES": LANES,
    "SCHEDULE": [seconds * 1000 for seconds in RETRY_AFTER_S],
    "EVENT_TTL": EVENT_TTL_S * 1000,
    "STANDING_TTL": STANDING_TTL_S * 1000,
    "EVENT_LEASE": LEASE_S * 1000,
}


def event_script(name: str, **constants: object) -> str:
    """A script of this folder; it also runs when Redis's memory is full, as sent events free memory."""
    parts = ("../lifecycle/request.lua", "event.lua", name)
    text = "".join((Path(__file__).parent / part).read_text() for part in parts)
    return OOM_EXEMPT + keyspace.script(text, **CONSTANTS, **constants)
