"""API keys: create, list, rotate, credit, revoke. Only a key's SHA-256 is ever kept."""

import secrets
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from redis import Redis
from redis.client import Pipeline
from redis.utils import str_if_bytes

from jobs import keyspace
from jobs.keys.api_key import ApiKey, KeyOptions
from jobs.keys.key_rules import MAX_CREDITS, checked_name
from jobs.keys.key_text import digest, new_key
from jobs.redis.script import Script

OVERLAP_S = 24 * 3600
MAX_TEXTS = 5  # of one key at a time

ADD_CREDITS = Path(__file__).with_name("add_credits.lua").read_text()


class UnknownKey(LookupError):
    """There is no such API key, or it was revoked."""


class AmbiguousKey(LookupError):
    """Several API keys have this name; the text tells their ids."""


class CreditsRefused(ValueError):
    """Credits cannot be added to or taken from this key; the text says why."""


class ApiKeys:
    """The keys that were not revoked. Methods raise `UnknownKey` for an id that is not theirs.

    New ones are for this `cell`.
    """

    def __init__(self, redis: Redis, cell: str = "") -> None:
        self._redis = redis
        self._cell = cell
        self._add_credits = Script(redis, ADD_CREDITS)

    def create(self, name: str, options: KeyOptions | None = None) -> tuple[ApiKey, str]:
        """Make a fresh key: what is kept of it, and the key itself, which cannot be read again.

        Raises ValueError for a name that no list could show.
        """
        key, key_id = new_key(self._cell), f"key_{secrets.token_hex(6)}"
        self._keep(key_id, digest(key), checked_name(name), options or KeyOptions())
        return self.get(key_id), key

    def make_valid(self, name: str, key: str) -> bool:
        """Make a key that stands in the settings valid, also after rotations; False for one that was revoked.

        Its id follows from it, so that two processes that start at once make one key. A new one is unlimited.
        """
        hashed = digest(key)
        key_id = f"key_{digest(hashed)[:12]}"
        if self._redis.sismember(keyspace.REVOKED_CHOSEN_KEYS, key_id):
            return False

        def queue(pipe: Pipeline, kept: ApiKey) -> None:
            pipe.hset(keyspace.api_key(key_id), "chosen", 1)
            self._put_first(pipe, kept, hashed)

        kept = ApiKey.from_hash(key_id, self._redis.hgetall(keyspace.api_key(key_id)))
        if kept is None:
            self._keep(key_id, hashed, name, KeyOptions(), chosen=True)
        elif not (kept.chosen and kept.digests[:1] == (hashed,)):  # a Redis that is full refuses changes
            self._change(key_id, queue)
        return True

    def get(self, key_id: str) -> ApiKey:
        found = ApiKey.from_hash(key_id, self._redis.hgetall(keyspace.api_key(key_id)))
        if found is None:
            raise UnknownKey(key_id)
        return found

    def find(self, name: str) -> ApiKey:
        """The key with this id, else the only one with this name. Raises `AmbiguousKey`."""
        try:
            return self.get(name)
        except UnknownKey:
            named = [key for key in self.list() if key.name == name]
        if len(named) > 1:
            ids = ", ".join(key.key_id for key in named)
            raise AmbiguousKey(f"{len(named)} keys are named {name!r}: say which by its id ({ids})")
        if not named:
            raise UnknownKey(name)
        return named[0]

    def ids(self) -> Sequence[str]:
        """Of all keys that were not revoked, oldest first."""
        return [str_if_bytes(key_id) for key_id in self._redis.zrange(keyspace.API_KEYS, 0, -1)]  # type: ignore[arg-type]

    def list(self) -> list[ApiKey]:
        """All keys that were not revoked, oldest first."""
        ids = self.ids()
        with self._redis.pipeline(transaction=False) as pipe:
            for key_id in ids:
                pipe.hgetall(keyspace.api_key(key_id))
            found = map(ApiKey.from_hash, ids, pipe.execute())
        return [key for key in found if key]

    def revoke(self, key_id: str) -> None:
        """Make a key invalid at once, all its texts; one from the settings stays so at the next start."""

        def queue(pipe: Pipeline, key: ApiKey) -> None:
            pipe.delete(keyspace.api_key(key_id), *map(keyspace.key_digest, key.digests))
            pipe.zrem(keyspace.API_KEYS, key_id)
            if key.chosen:
                pipe.sadd(keyspace.REVOKED_CHOSEN_KEYS, key_id)

        self._change(key_id, queue)

    def rotate(self, key_id: str, overlap_s: float = OVERLAP_S) -> str:
        """A new text for the same key; older ones are valid for at most `overlap_s` seconds more."""
        fresh = new_key(self._cell)

        def queue(pipe: Pipeline, key: ApiKey) -> None:
            for old in self._put_first(pipe, key, digest(fresh)):
                pipe.pexpire(keyspace.key_digest(old), round(overlap_s * 1000), lt=True)

        self._change(key_id, queue)
        return fresh

    def add_credits(self, key_id: str, amount: int) -> ApiKey:
        """Add credits, or take some away. Raises `CreditsRefused`."""
        answer = str_if_bytes(self._add_credits(keys=[keyspace.api_key(key_id)], args=[amount, MAX_CREDITS]))
        match answer:
            case "missing":
                raise UnknownKey(key_id)
            case "unlimited":
                raise CreditsRefused(f"{key_id} has unlimited credits: there is nothing to add to")
            case "below zero":
                raise CreditsRefused(f"{key_id} has fewer than {-amount} credits: none were taken")
            case "too many":
                raise CreditsRefused(
                    f"{key_id} would have more than {MAX_CREDITS:,} credits: none were added"
                )
        return self.get(key_id)

    @staticmethod
    def _put_first(pipe: Pipeline, key: ApiKey, hashed: str) -> Sequence[str]:
        """Queue that a text is valid for ever and the oldest of too many are dropped; returns the others."""
        others = [other for other in key.digests if other != hashed]
        older, dropped = others[: MAX_TEXTS - 1], others[MAX_TEXTS - 1 :]
        pipe.hset(keyspace.api_key(key.key_id), "digests", " ".join((hashed, *older)))
        pipe.set(keyspace.key_digest(hashed), key.key_id)
        for old in dropped:
            pipe.delete(keyspace.key_digest(old))
        return older

    def _keep(self, key_id: str, hashed: str, name: str, options: KeyOptions, chosen: bool = False) -> None:
        now = time.time()
        key = ApiKey(
            key_id=key_id,
            name=name,
            created_at=now,
            scopes=frozenset(options.scopes),
            credits=options.credits,
            rate=options.rate,
            expires_at=None if options.expires_in_s is None else now + options.expires_in_s,
            digests=(hashed,),
            chosen=chosen,
            weight=options.weight,
        )
        with self._redis.pipeline() as pipe:
            pipe.hset(keyspace.api_key(key_id), mapping=key.to_hash())
            pipe.set(keyspace.key_digest(hashed), key_id)
            pipe.zadd(keyspace.API_KEYS, {key_id: now})
            pipe.execute()

    def _change(self, key_id: str, queue: Callable[[Pipeline, ApiKey], None]) -> None:
        """Read a key and change it in one transaction, again if it was changed in between."""

        def transaction(pipe: Pipeline) -> None:
            key = ApiKey.from_hash(key_id, pipe.hgetall(keyspace.api_key(key_id)))
            if key is None:
                raise UnknownKey(key_id)
            pipe.multi()
            queue(pipe, key)

        self._redis.transaction(transaction, keyspace.api_key(key_id))
