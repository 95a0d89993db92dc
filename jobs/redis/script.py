"""Lua scripts in Redis: their texts, how they are called, and the commands that are always allowed."""

import re
from collections.abc import Mapping, Sequence
from hashlib import sha1
from pathlib import Path
from time import perf_counter
from typing import Any, Generic, TypeVar

from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.exceptions import NoScriptError
from redis.typing import EncodableT

from jobs import keyspace
from telemetry import metrics

OOM_EXEMPT = "#!lua flags=allow-oom\n"
"""The first line of scripts that a Redis whose memory is full must run, because they lead to freed memory."""
NO_WRITES = "#!lua flags=no-writes\n"
"""Also runs when Redis refuses all writes, because it cannot write its file."""

PUBLISH = f"{OOM_EXEMPT}return redis.call('PUBLISH', ARGV[1], ARGV[2])"
"""PUBLISH at the primary: a replica would accept the plain command, and reach only its own subscribers."""

R = TypeVar("R", Redis, AsyncRedis)

_JOBS = Path(__file__).parents[1]
_Scalar = bool | int | float | str | bytes


def read_script(*files: str, **constants: object) -> str:
    """The text of files of `jobs/`, with the names of `keyspace` and further constants filled in.

    Constants are numbers, ASCII texts, bytes, and lists and tables of these. As arguments they would be sent
    and parsed with each call. Lists and tables become local variables. Other constants replace their names,
    as a variable takes time at each call, for itself and for each function that uses it.
    """
    text = "".join((_JOBS / file).read_text() for file in files)
    constants = keyspace.IN_SCRIPTS | constants
    inline = {name: _literal(value) for name, value in constants.items() if isinstance(value, _Scalar)}
    text = re.sub(r"\b[A-Z][A-Z_]+\b", lambda name: inline.get(name[0], name[0]), text)
    tables = constants.keys() - inline.keys()
    return "".join(f"local {name} = {_literal(constants[name])}\n" for name in sorted(tables)) + text


def _literal(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return repr(value)
        case str():
            return "'{}'".format(value.replace("\\", r"\\").replace("'", r"\'"))
        case bytes():
            return "'{}'".format("".join(f"\\{byte:03d}" for byte in value))
        case Mapping():
            return "{{{}}}".format(", ".join(f"{name} = {_literal(each)}" for name, each in value.items()))
        case list() | tuple():
            return "{{{}}}".format(", ".join(map(_literal, value)))
    raise TypeError(f"cannot be written in Lua: {value!r}")


class _Script(Generic[R]):
    """Calls a script by its SHA-1, and sends its text only if Redis does not have it.

    redis-py's `Script` checks at each call whether its client is a pipeline, which doubles the time.
    """

    def __init__(self, redis: R, text: str) -> None:
        self._redis: R = redis
        self._text = text
        self._sha1 = sha1(text.encode(), usedforsecurity=False).hexdigest()


class Script(_Script[Redis]):
    """Measures its calls."""

    def __call__(self, keys: Sequence[str] = (), args: Sequence[EncodableT] = ()) -> Any:
        started_at = perf_counter()
        try:
            reply = self._redis.evalsha(self._sha1, len(keys), *keys, *args)
        except NoScriptError:
            reply = self._redis.eval(self._text, len(keys), *keys, *args)
        metrics.observe_redis(perf_counter() - started_at)
        return reply


class AsyncScript(_Script[AsyncRedis]):
    """For asyncio; does not measure its calls."""

    async def __call__(self, keys: Sequence[str] = (), args: Sequence[EncodableT] = ()) -> Any:
        try:
            return await self._redis.evalsha(self._sha1, len(keys), *keys, *args)
        except NoScriptError:
            return await self._redis.eval(self._text, len(keys), *keys, *args)


class OomExempt:
    """Commands that must run when Redis's memory is full; only scripts have the flag `allow-oom`."""

    def __init__(self, redis: Redis) -> None:
        def script(text: str) -> Script:
            return Script(redis, OOM_EXEMPT + text)

        self._lock = script("return redis.call('SET', KEYS[1], 'taken', 'NX', 'PX', ARGV[1])")
        self._update = script(
            "if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end\n"
            "redis.call('HSET', KEYS[1], unpack(ARGV, 2))\n"
            "return redis.call('EXPIRE', KEYS[1], ARGV[1])"
        )
        self._move_all = script("while redis.call('LMOVE', KEYS[1], KEYS[2], 'RIGHT', 'LEFT') do end")

    def lock(self, key: str, seconds: float) -> bool:
        """Take a lock that expires after `seconds`; returns whether it was free."""
        return self._lock(keys=[key], args=[round(seconds * 1000)]) is not None

    def update(self, key: str, seconds: int, fields: Mapping[str, str]) -> bool:
        """Set fields of an existing hash and its expiry; returns whether the hash exists."""
        words = [word for field in fields.items() for word in field]
        return bool(self._update(keys=[key], args=[seconds, *words]))

    def move_all(self, source: str, destination: str) -> None:
        self._move_all(keys=[source, destination])
