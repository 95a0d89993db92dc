"""Commands that a Redis whose memory is full must not refuse, because they free memory.

Each is a script: only scripts have the flag `allow-oom`.
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

MOVE_ALL = f"{OOM_EXEMPT}while redis.call('LMOVE', KEYS[1], KEYS[2], 'RIGHT', 'LEFT') do end"

PUBLISH = f"{OOM_EXEMPT}return redis.call('PUBLISH', ARGV[1], ARGV[2])"
"""PUBLISH at the primary: a replica would accept a bare one, and reach only its own subscribers."""


class OomExempt:
    def __init__(self, redis: Redis) -> None:
        self._lock = Script(redis, LOCK)
        self._keep = Script(redis, KEEP)
        self._move_all = Script(redis, MOVE_ALL)

    def lock(self, key: str, seconds: float) -> bool:
        """Whether the lock was free and is now ours; it expires by itself."""
        return self._lock(keys=[key], args=[round(seconds * 1000)]) is not None

    def keep(self, key: str, seconds: int, fields: Mapping[str, str]) -> bool:
        """Set fields of a hash that exists and extend its life; False if there is none."""
        words = [word for field in fields.items() for word in field]
        return bool(self._keep(keys=[key], args=[seconds, *words]))

    def move_all(self, source: str, destination: str) -> None:
        self._move_all(keys=[source, destination])
