"""Creates, lists, rotates, credits and revokes API keys. Only the SHA-256 of a key's text is stored."""

import secrets
import time
from collections.abc import Callable, Sequence

from redis import Redis
from redis.client import Pipeline
from redis.utils import str_if_bytes

from jobs import keyspace
from jobs.keys.api_key import ApiKey, KeyOptions
from jobs.keys.key_rules import MAX_CREDITS, checked_name, digest, new_key
from jobs.redis.script import Script, read_script

OVERLAP_S = 24 * 3600
MAX_TEXTS = 5  # valid texts of one key


class UnknownKey(LookupError):
    """The API key does not exist or was revoked."""


class AmbiguousKey(LookupError):
    """Several API keys have this name; the error text lists their ids."""


class CreditsRefused(ValueError):
    """The credits of this key cannot be changed; the error text says why."""


class ApiKeys:
    """All keys that are not revoked; new keys are for this `cell`.

    Methods raise `UnknownKey` for an unknown id.
    """

    def __init__(self, redis: Redis, cell: str = "") -> None:
        self._redis = redis
        self._cell = cell
        self._add_credits = Script(redis, read_script("keys/add_credits.lua"))

    def create(self, name: str, options: KeyOptions | None = None) -> tuple[ApiKey, str]:
        """Create a key; returns its record and its text, which cannot be read again.

        Raises ValueError for an invalid name.
        """
        text, key_id = new_key(self._cell), f"key_{secrets.token_hex(6)}"
        self._store(key_id, digest(text), checked_name(name), options or KeyOptions())
        return self.get(key_id), text

    def make_valid(self, name: str, text: str) -> bool:
        """Make the text of a key from the settings valid, also after rotations; False if it was revoked.

        The id is derived from the text, so that two processes starting together create one key. A new key
        has unlimited credits.
        """
        hashed = digest(text)
        key_id = f"key_{digest(hashed)[:12]}"
        if self._redis.sismember(keyspace.REVOKED_CHOSEN_KEYS, key_id):
            return False

        def queue(pipe: Pipeline, key: ApiKey) -> None:
            pipe.hset(keyspace.api_key(key_id), "chosen", 1)
            self._put_first(pipe, key, hashed)

        stored = ApiKey.from_hash(key_id, self._redis.hgetall(keyspace.api_key(key_id)))
        if stored is None:
            self._store(key_id, hashed, name, KeyOptions(), chosen=True)
        elif not (stored.chosen and stored.digests[:1] == (hashed,)):  # a full Redis refuses changes
            self._change(key_id, queue)
        return True

    def get(self, key_id: str) -> ApiKey:
        found = ApiKey.from_hash(key_id, self._redis.hgetall(keyspace.api_key(key_id)))
        if found is None:
            raise UnknownKey(key_id)
        return found

    def find(self, name: str) -> ApiKey:
        """The key with this id, or else the only key with this name. Raises `AmbiguousKey`."""
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
        return [str_if_bytes(key_id) for key_id in self._redis.zrange(keyspace.API_KEYS, 0, -1)]  # type: ignore[arg-type]

    def list(self) -> list[ApiKey]:
        """All keys, oldest first."""
        ids = self.ids()
        with self._redis.pipeline(transaction=False) as pipe:
            for key_id in ids:
                pipe.hgetall(keyspace.api_key(key_id))
            found = map(ApiKey.from_hash, ids, pipe.execute())
        return [key for key in found if key]

    def revoke(self, key_id: str) -> None:
        """Make all texts of a key invalid at once; a key from the settings stays revoked after a restart."""

        def queue(pipe: Pipeline, key: ApiKey) -> None:
            pipe.delete(keyspace.api_key(key_id), *map(keyspace.key_digest, key.digests))
            pipe.zrem(keyspace.API_KEYS, key_id)
            if key.chosen:
                pipe.sadd(keyspace.REVOKED_CHOSEN_KEYS, key_id)

        self._change(key_id, queue)

    def rotate(self, key_id: str, overlap_s: float = OVERLAP_S) -> str:
        """Create a new text for the key; older texts stay valid for at most `overlap_s` seconds."""
        text = new_key(self._cell)

        def queue(pipe: Pipeline, key: ApiKey) -> None:
            for old in self._put_first(pipe, key, digest(text)):
                pipe.pexpire(keyspace.key_digest(old), round(overlap_s * 1000), lt=True)

        self._change(key_id, queue)
        return text

    def add_credits(self, key_id: str, amount: int) -> ApiKey:
        """Add credits; a negative amount takes some away. Raises `CreditsRefused`."""
        outcome = self._add_credits(keys=[keyspace.api_key(key_id)], args=[amount, MAX_CREDITS])
        match str_if_bytes(outcome):
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
        """Queue making this text valid and dropping the oldest beyond `MAX_TEXTS`; returns the others."""
        others = [other for other in key.digests if other != hashed]
        older, dropped = others[: MAX_TEXTS - 1], others[MAX_TEXTS - 1 :]
        pipe.hset(keyspace.api_key(key.key_id), "digests", " ".join((hashed, *older)))
        pipe.set(keyspace.key_digest(hashed), key.key_id)
        for old in dropped:
            pipe.delete(keyspace.key_digest(old))
        return older

    def _store(self, key_id: str, hashed: str, name: str, options: KeyOptions, chosen: bool = False) -> None:
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
        """Read and change a key in one transaction, repeated if the key changes in between."""

        def transaction(pipe: Pipeline) -> None:
            key = ApiKey.from_hash(key_id, pipe.hgetall(keyspace.api_key(key_id)))
            if key is None:
                raise UnknownKey(key_id)
            pipe.multi()
            queue(pipe, key)

        self._redis.transaction(transaction, keyspace.api_key(key_id))
