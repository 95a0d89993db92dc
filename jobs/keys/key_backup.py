"""Exports all API keys as one JSON document, and restores them into a Redis that may have some of them.

Like Redis, the document has only the SHA-256 of the texts of keys.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field
from redis import Redis
from redis.client import Pipeline
from redis.utils import str_if_bytes

from jobs import keyspace
from jobs.keys.api_key import TIMES, ApiKey
from jobs.keys.api_keys import MAX_TEXTS, ApiKeys
from jobs.keys.key_rules import KEY_ID, MAX_CREDITS, MAX_WEIGHT, Existing, Scope, checked_name
from jobs.keys.rates import RateField

KeyId = Annotated[str, Field(pattern=f"^{KEY_ID.pattern}$")]
Credits = Annotated[int, Field(ge=0, le=MAX_CREDITS)]
NO_KEY = -2  # the reply of PTTL if the key does not exist


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Text(_Model):
    """One text of a key; `expires_at` is set for texts before the last rotation."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    expires_at: AwareDatetime | None = None


class Key(_Model):
    """A key, its latest text first. `chosen`: one of its texts comes from the settings."""

    key_id: KeyId
    name: Annotated[str, AfterValidator(checked_name)]
    created_at: AwareDatetime
    texts: list[Text] = Field(min_length=1, max_length=MAX_TEXTS)
    scopes: list[Scope]
    credits: Credits | None = None
    held: Credits = 0
    spent: Annotated[int, Field(ge=0)] = 0
    rate: RateField | None = None
    expires_at: AwareDatetime | None = None
    last_used_at: AwareDatetime | None = None
    chosen: bool = False
    weight: Annotated[int, Field(ge=1, le=MAX_WEIGHT)] = 1
    webhook_generation: Annotated[int, Field(ge=0)] = 0
    webhook_former_until: AwareDatetime | None = None


class Backup(_Model):
    """All keys, and the ids of revoked keys from settings, which stay revoked."""

    version: Literal[1] = 1
    keys: list[Key]
    revoked: list[KeyId] = []


class KeysExist(Exception):
    """Keys of the backup exist and differ from it; nothing was changed."""

    def __init__(self, keys: list[Key]) -> None:
        super().__init__(", ".join(f"{key.key_id} ({key.name})" for key in keys))


class TextConflict(Exception):
    """A text of a key in the backup belongs to another key in Redis; nothing was changed."""


@dataclass(frozen=True)
class Restored:
    """Ids of keys by outcome; `same`: they existed and equal the backup."""

    added: list[str]
    overwritten: list[str]
    kept: list[str]
    same: list[str]


def export(redis: Redis) -> Backup:
    revoked = sorted(map(str_if_bytes, redis.smembers(keyspace.REVOKED_CHOSEN_KEYS)))
    keys = [_exported(redis, key) for key in ApiKeys(redis).list()]
    return Backup(keys=[key for key in keys if key], revoked=revoked)


def restore(redis: Redis, backup: Backup, existing: Existing = Existing.REFUSE) -> Restored:
    """Restore all keys in one step. Raises `KeysExist`, `TextConflict`.

    Credits held when the backup was made are returned to the key, less those held in this Redis now.
    """
    ids = [key.key_id for key in backup.keys]

    restored: list[Restored] = []  # one for each try: the transaction repeats if a key changes meanwhile

    def transaction(pipe: Any) -> None:
        stored = {key_id: ApiKey.from_hash(key_id, pipe.hgetall(keyspace.api_key(key_id))) for key_id in ids}
        current = {key_id: key for key_id, key in stored.items() if key}
        common = [key for key in backup.keys if key.key_id in current]
        exported = {key.key_id: _exported(redis, current[key.key_id]) for key in common}
        same = [key.key_id for key in common if _comparable(exported[key.key_id]) == _comparable(key)]
        differing = [key for key in common if key.key_id not in same]
        if differing and existing is Existing.REFUSE:
            raise KeysExist(differing)
        kept = [key.key_id for key in differing if existing is Existing.KEEP]
        written = [key for key in backup.keys if key.key_id not in {*kept, *same}]
        _check_texts(pipe, written)
        pipe.multi()
        for key in written:
            _queue(pipe, key, current.get(key.key_id))
        for key_id in backup.revoked:
            pipe.sadd(keyspace.REVOKED_CHOSEN_KEYS, key_id)
        done = Restored(
            added=[key.key_id for key in written if key.key_id not in current],
            overwritten=[key.key_id for key in written if key.key_id in current],
            kept=kept,
            same=same,
        )
        restored.append(done)

    watched = [*map(keyspace.api_key, ids), keyspace.API_KEYS]
    redis.transaction(transaction, *watched)
    return restored[-1]


def _exported(redis: Redis, key: ApiKey) -> Key | None:
    """The key for a backup; None if it was revoked meanwhile or has no valid text."""
    now_ms = time.time() * 1000
    with redis.pipeline(transaction=False) as pipe:
        for sha256 in key.digests:
            pipe.pttl(keyspace.key_digest(sha256))
        ttls = dict(zip(key.digests, pipe.execute(), strict=True))
    texts = [
        Text(sha256=sha256, expires_at=None if ttl_ms < 0 else _datetime((now_ms + ttl_ms) / 1000))
        for sha256, ttl_ms in ttls.items()
        if ttl_ms != NO_KEY
    ]
    if not texts:
        return None
    times = {name: _datetime(seconds) for name in TIMES if (seconds := getattr(key, name)) is not None}
    fields = {name: value for name, value in vars(key).items() if name in Key.model_fields}
    return Key.model_validate(fields | times | {"texts": texts, "scopes": sorted(key.scopes)})


def _comparable(key: Key | None) -> object:
    """The values that must match for two keys to be the same: without last use and exact expiry of texts."""
    if key is None:
        return None
    texts = [(text.sha256, text.expires_at is None) for text in key.texts]
    return key.model_copy(update={"last_used_at": None, "texts": []}), texts


def _check_texts(pipe: Pipeline, keys: list[Key]) -> None:
    for key in keys:
        for text in key.texts:
            owner = pipe.get(keyspace.key_digest(text.sha256))
            if owner is not None and str_if_bytes(owner) != key.key_id:
                raise TextConflict(
                    f"a text of {key.key_id} ({key.name}) belongs to {str_if_bytes(owner)} in this Redis"
                )


def _queue(pipe: Pipeline, key: Key, current: ApiKey | None) -> None:
    """Queue writing the key as in the backup, in place of `current`."""
    name, held = keyspace.api_key(key.key_id), current.held if current else 0
    times: dict[str, Any] = {
        each: time.timestamp() for each in TIMES if (time := getattr(key, each)) is not None
    }
    fields = ApiKey(
        **key.model_dump(include={"key_id", "name", "spent", "chosen", "weight", "webhook_generation"}),
        **times,
        scopes=frozenset(key.scopes),
        credits=None if key.credits is None else max(0, key.credits + key.held - held),
        held=held,
        rate=key.rate,
        digests=tuple(text.sha256 for text in key.texts),
    ).to_hash()
    pipe.hset(name, mapping=fields)
    if current:
        for field in current.to_hash().keys() - fields.keys():
            pipe.hdel(name, str(field))
        pipe.delete(*map(keyspace.key_digest, current.digests))
    for text in key.texts:
        until = text.expires_at and round(text.expires_at.timestamp() * 1000)
        pipe.set(keyspace.key_digest(text.sha256), key.key_id, pxat=until)
    pipe.zadd(keyspace.API_KEYS, {key.key_id: key.created_at.timestamp()})
    pipe.srem(keyspace.REVOKED_CHOSEN_KEYS, key.key_id)


def _datetime(seconds: float) -> datetime:
    """To the ms, as Redis stores times."""
    return datetime.fromtimestamp(round(seconds, 3), UTC)
