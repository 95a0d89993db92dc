"""Webhooks: does anybody send events, and in time."""

import time

from redis import Redis, RedisError

from cli.doctor.finding import Findings, fail, ok, warn
from cli.timefmt import length
from jobs import keyspace
from jobs.config.settings import Settings
from jobs.queries.queue_state import read_queue_state
from jobs.redis.connection import connect
from jobs.redis.oom_exempt import OOM_EXEMPT
from jobs.redis.script import Script

LATE_S = 60
HEARD_S = 2.0
LOOK_AGAIN_S = 0.05

RING = f"{OOM_EXEMPT}if redis.call('LLEN', KEYS[1]) == 0 then redis.call('RPUSH', KEYS[1], 1) end"

START = "start `superimpose webhooks`: events of ended requests wait until then (docs/webhooks.md, Operating)"
MORE = "start another `superimpose webhooks`, or look for receivers that are away in its log"


def check_webhooks(settings: Settings) -> Findings:
    """Nothing where they are off, and no event is late."""
    redis = connect(settings)
    try:
        late_s = read_queue_state(redis).oldest_event_s
        if not settings.webhook_secret and late_s < LATE_S:
            return
        sends = _is_bell_heard(redis)
    except RedisError:  # the line about Redis says so
        return
    if late_s >= LATE_S:
        seen = f"an event has been due for {length(late_s)}"
        yield warn("webhooks", seen, MORE) if sends else fail("webhooks", f"{seen}, nobody sends any", START)
    elif sends:
        yield ok("webhooks", "events are sent, none is late")
    else:
        yield warn("webhooks", "nobody sends events", START)


def _is_bell_heard(redis: Redis) -> bool:
    """A sender takes an entry of the event bell at once, and looks for events."""
    Script(redis, RING)([keyspace.EVENT_BELL])
    deadline = time.monotonic() + HEARD_S
    while redis.llen(keyspace.EVENT_BELL):
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_AGAIN_S)
    return True
