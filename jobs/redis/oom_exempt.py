"""Commands that a Redis whose memory is full must run, because they lead to freed memory.

They are scripts, as only scripts have the flag `allow-oom`.
"""

from collections.abc import Mapping

from redis import Redis

from jobs.redis.script import Script

OOM_EXEMPT = "#!lua flags=allow-oom\n"
NO_WRITES = "#!lua flags=no-writes\n"
"""Also runs when Redis refuses all writes, because it cannot write its file."""

LOCK = f"{OOM_EXEMPT}return redis.call('SET', KEYS[1], 'taken', 'NX', 'PX', ARGV[1])"
UPDATE = f"""{OOM_EXEMPT}
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
return redis.call('EXPIRE', KEYS[1], ARGV[1])
"""

MOVE_ALL = f"{OOM_EXEMPT}while redis.call('LMOVE', KEYS[1], KEYS[2], 'RIGHT', 'LEFT') do end"

PUBLISH = f"{OOM_EXEMPT}return redis.call('PUBLISH', ARGV[1], ARGV[2])"
"""PUBLISH at the primary: a replica would accept the plain command, and reach only its own subscribers."""


class OomExempt:
    def __init__(self, redis: Redis) -> None:
        self._lock = Script(redis, LOCK)
        self._update = Script(redis, UPDATE)
        self._move_all = Script(redis, MOVE_ALL)

    def lock(self, key: str, seconds: float) -> bool:
        """Take a lock that expires after `seconds`; returns whether it was free."""
        return self._lock(keys=[key], args=[round(seconds * 1000)]) is not None

    def update(self, key: str, seconds: int, fields: Mapping[str, str]) -> bool:
        """Set fields of an existing hash and its expiry; returns whether the hash exists."""
        words = [word for field in fields.items() for word in field]
        return bool(self._update(keys=[key], args=[seconds, *words]))

    def move_all(self, source: str, destination: str) -> None:
        self._move_all(keys=[source, destination])
