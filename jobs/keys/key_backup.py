"""All API keys as one JSON document, to be put back into an empty Redis, or into one that has some of them.

It holds what Redis holds: of a key's texts their SHA-256, never the texts.
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
from jobs.keys.api_key import ApiKey
from jobs.keys.api_keys import MAX_TEXTS, ApiKeys
from jobs.keys.key_rules import KEY_ID, MAX_CREDITS, MAX_WEIGHT, Existing, Scope, checked_name
from jobs.keys.rates import RateField
from jobs.redis.hashes import RedisHash

KeyId = Annotated[str, Field(pattern=f"^{KEY_ID.pattern}$")]
Credits = Annotated[int, Field(ge=0, le=MAX_CREDITS)]
TIMES = ("created_at", "expires_at", "last_used_at", "webhook_former_until")
GONE = -2  # PTTL's answer where nothing is kept


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Text(_Model):
    """One text of a key: its SHA-256, and until when it is valid after a rotation; None: for ever."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    expires_at: AwareDatetime | None = None


class Key(_Model):
    """A key; the latest of its texts first. `chosen`: a text of it stands in the settings."""

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
    """All keys, and the ids of those that stood in settings and were revoked, which stay so."""

    version: Literal[1] = 1
    keys: list[Key]
    revoked: list[KeyId] = []


class KeysExist(Exception):
    """Keys of the backup are there already and differ from it; nothing was changed."""

    def __init__(self, keys: list[Key]) -> None:
        super().__init__(", ".join(f"{key.key_id} ({key.name})" for key in keys))


class ForeignText(Exception):
    """A text of a key in the backup belongs to another key here; nothing was changed."""


@dataclass(frozen=True)
class Restored:
    """Ids of keys by what became of them; `same`: they were there already, and are as in the backup."""

    added: list[str]
    overwritten: list[str]
    kept: list[str]
    same: list[str]


def export(redis: Redis) -> Backup:
    """All keys that were not revoked, oldest first; of their texts those that are still valid."""
    revoked = sorted(map(str_if_bytes, redis.smembers(keyspace.REVOKED_CHOSEN_KEYS)))
    keys = [_exported(redis, key) for key in ApiKeys(redis).list()]
    return Backup(keys=[key for key in keys if key], revoked=revoked)


def restore(redis: Redis, backup: Backup, existing: Existing = Existing.REFUSE) -> Restored:
    """Put the keys back, all in one step.

    Credits that unfinished requests held when the backup was made are the key's again, less what requests
    hold here. Raises `KeysExist`, `ForeignText`.
    """
    ids = [key.key_id for key in backup.keys]

    restored: list[Restored] = []  # one a try: it is repeated when a key has changed meanwhile

    def transaction(pipe: Pipeline) -> None:
        here = {key_id: found for key_id in ids if (found := ApiKey.from_hash(key_id, _hash(pipe, key_id)))}
        there = [key for key in backup.keys if key.key_id in here]
        same = [
            key.key_id for key in there if _comparable(_exported(redis, here[key.key_id])) == _comparable(key)
        ]
        differing = [key for key in there if key.key_id not in same]
        if differing and existing is Existing.REFUSE:
            raise KeysExist(differing)
        kept = [key.key_id for key in differing if existing is Existing.KEEP]
        written = [key for key in backup.keys if key.key_id not in {*kept, *same}]
        _check_texts(pipe, written)
        pipe.multi()
        for key in written:
            _queue(pipe, key, here.get(key.key_id))
        for key_id in backup.revoked:
            pipe.sadd(keyspace.REVOKED_CHOSEN_KEYS, key_id)
        done = Restored(
            added=[key.key_id for key in written if key.key_id not in here],
            overwritten=[key.key_id for key in written if key.key_id in here],
            kept=kept,
            same=same,
        )
        restored.append(done)

    watched = [*map(keyspace.api_key, ids), keyspace.API_KEYS]
    redis.transaction(transaction, *watched)
    return restored[-1]


def _exported(redis: Redis, key: ApiKey) -> Key | None:
    """None: it was revoked meanwhile, or no text of it is valid."""
    now_ms = time.time() * 1000
    with redis.pipeline(transaction=False) as pipe:
        for sha256 in key.digests:
            pipe.pttl(keyspace.key_digest(sha256))
        left = dict(zip(key.digests, pipe.execute(), strict=True))
    texts = [
        Text(sha256=sha256, expires_at=None if ms < 0 else _datetime((now_ms + ms) / 1000))
        for sha256, ms in left.items()
        if ms != GONE
    ]
    if not texts:
        return None
    times = {name: _datetime(seconds) for name in TIMES if (seconds := getattr(key, name)) is not None}
    same = {name: value for name, value in vars(key).items() if name in Key.model_fields}
    return Key.model_validate(same | times | {"texts": texts, "scopes": sorted(key.scopes)})


def _comparable(key: Key | None) -> object:
    """What must be equal for two to be one: not the time of use, nor the rest of an overlap to the ms."""
    if key is None:
        return None
    texts = [(text.sha256, text.expires_at is None) for text in key.texts]
    return key.model_copy(update={"last_used_at": None, "texts": []}), texts


def _check_texts(pipe: Pipeline, keys: list[Key]) -> None:
    for key in keys:
        for text in key.texts:
            owner = pipe.get(keyspace.key_digest(text.sha256))
            if owner is not None and str_if_bytes(owner) != key.key_id:
                raise ForeignText(f"a text of {key.key_id} ({key.name}) is one of {str_if_bytes(owner)} here")


def _queue(pipe: Pipeline, key: Key, here: ApiKey | None) -> None:
    """Queue that the key is there as in the backup, in place of `here`."""
    name, held = keyspace.api_key(key.key_id), here.held if here else 0
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
    if here:
        for gone in here.to_hash().keys() - fields.keys():
            pipe.hdel(name, str(gone))
        pipe.delete(*map(keyspace.key_digest, here.digests))
    for text in key.texts:
        until = text.expires_at and round(text.expires_at.timestamp() * 1000)
        pipe.set(keyspace.key_digest(text.sha256), key.key_id, pxat=until)
    pipe.zadd(keyspace.API_KEYS, {key.key_id: key.created_at.timestamp()})
    pipe.srem(keyspace.REVOKED_CHOSEN_KEYS, key.key_id)


def _hash(redis: Any, key_id: str) -> RedisHash:
    fields: RedisHash = redis.hgetall(keyspace.api_key(key_id))
    return fields


def _datetime(seconds: float) -> datetime:
    """To the ms, as Redis keeps it."""
    return datetime.fromtimestamp(round(seconds, 3), UTC)
