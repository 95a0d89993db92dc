"""Commands that a Redis whose memory is full must not refuse, because they are what empties it again.

Each is a script, which alone may say so; Redis 7 and Valkey understand it.
"""

from collections.abc import Mapping

from redis import Redis

from jobs.redis.script import Script

OOM_EXEMPT = "#!lua flags=allow-oom\n"
NO_WRITES = "#!lua flags=no-writes\n"
"""Runs where Redis refuses every change too, because it cannot write its file."""

LOCK = f"{OOM_EXEMPT}return redis.call('SET', KEYS[1], 'taken', 'NX', 'PX', ARGV[1])"
KEEP = f"""{OOM_EXEMPT}
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
return redis.call('EXPIRE', KEYS[1], ARGV[1])
"""

SAY = f"{OOM_EXEMPT}return redis.call('PUBLISH', ARGV[1], ARGV[2])"
"""To subscribers of a channel at the primary. A replica would take a bare PUBLISH, and tell its own alone."""


class OomExempt:
    """What workers and tasks do besides moving requests."""

    def __init__(self, redis: Redis) -> None:
        self._lock = Script(redis, LOCK)
        self._keep = Script(redis, KEEP)

    def lock(self, key: str, seconds: float) -> bool:
        """Whether nobody had this lock; it opens by itself."""
        return self._lock(keys=[key], args=[round(seconds * 1000)]) is not None

    def keep(self, key: str, seconds: int, fields: Mapping[str, str]) -> bool:
        """Whether there was such a hash, which now has these fields and lives so much longer."""
        words = [word for field in fields.items() for word in field]
        return bool(self._keep(keys=[key], args=[seconds, *words]))
