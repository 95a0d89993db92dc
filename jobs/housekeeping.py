"""What has to happen even if nobody asks: end late requests, delete pictures past their hour.

Every worker and every API process calls `Housekeeping.run` now and then; a lock lets one do it.
"""

import contextlib
import logging
import time

from redis import Redis

from jobs import keyspace
from jobs.job import UUID, drop_job
from jobs.queue import open_queue
from jobs.settings import Settings
from jobs.store import PictureStore
from jobs.transitions import IllegalMove, Transitions

INTERVAL_S = 10
BATCH = 500

log = logging.getLogger("superimpose.housekeeping")


class Housekeeping:
    """Ends requests past their deadline and sweeps the store."""

    def __init__(self, redis: Redis, settings: Settings, store: PictureStore) -> None:
        self._redis = redis
        self._transitions = Transitions(redis, settings)
        self._store = store

    def run(self) -> None:
        """One round, unless another process did one within the interval."""
        if self._redis.set(keyspace.HOUSEKEEPING, "taken", nx=True, ex=INTERVAL_S):
            self.end_late_requests()
            self.sweep()

    def end_late_requests(self) -> int:
        """FAIL every request whose deadline has passed; returns how many."""
        seconds, microseconds = self._redis.time()
        now_ms = seconds * 1000 + microseconds // 1000
        late: list[bytes] = self._redis.zrangebyscore(keyspace.DEADLINES, "-inf", now_ms, start=0, num=BATCH)  # type: ignore[assignment]
        return sum(self._end(member) for member in late)

    def sweep(self) -> int:
        """Delete pictures whose time is over; returns how many."""
        return self._store.sweep(time.time())

    def _end(self, member: bytes) -> bool:
        request_id = member.decode("ascii", "replace")
        if not UUID.fullmatch(request_id):
            log.warning("not a request, dropped: %s", ascii(request_id[:50]))
            self._redis.zrem(keyspace.DEADLINES, member)
            return False
        with contextlib.suppress(IllegalMove):
            self._transitions.expire(request_id)
            log.warning("request %s ended: past its deadline", request_id)
            drop_job(open_queue(self._redis), request_id)
            return True
        return False
