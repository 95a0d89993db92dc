"""Checks that a `superimpose webhooks` runs and sends events in time."""

import time

from redis import Redis, RedisError

from cli.doctor.finding import Findings, fail, ok, warn
from cli.timefmt import length
from jobs import keyspace
from jobs.config.settings import Settings
from jobs.queries.queue_state import read_queue_state
from jobs.redis.connection import connect
from jobs.redis.script import OOM_EXEMPT, Script

LATE_S = 60
SENDER_TIMEOUT_S = 2.0
POLL_S = 0.05

PUSH_IF_EMPTY = f"{OOM_EXEMPT}if redis.call('LLEN', KEYS[1]) == 0 then redis.call('RPUSH', KEYS[1], 1) end"

START = "start `superimpose webhooks`: events wait until then (docs/webhooks.md, Operating)"
MORE = "start another `superimpose webhooks`, or look for unreachable receivers in its log"


def check_webhooks(settings: Settings) -> Findings:
    """Yields nothing if webhooks are off and no event is late."""
    redis = connect(settings)
    try:
        late_s = read_queue_state(redis).oldest_event_s
        if not settings.webhook_secret and late_s < LATE_S:
            return
        sends = _sender_responds(redis)
    except RedisError:  # reported by check_redis
        return
    if late_s >= LATE_S:
        seen = f"an event has been due for {length(late_s)}"
        yield warn("webhooks", seen, MORE) if sends else fail("webhooks", f"{seen}, no sender runs", START)
    elif sends:
        yield ok("webhooks", "events are sent, none is late")
    else:
        yield warn("webhooks", "no sender runs", START)


def _sender_responds(redis: Redis) -> bool:
    """Push an entry to the event bell; a running sender takes it at once."""
    Script(redis, PUSH_IF_EMPTY)([keyspace.EVENT_BELL])
    deadline = time.monotonic() + SENDER_TIMEOUT_S
    while redis.llen(keyspace.EVENT_BELL):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True
