"""API keys: made, listed, revoked, recognised. Only a key's SHA-256 is ever kept."""

import hmac
import secrets
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from string import ascii_letters, digits

from redis import Redis
from redis.typing import EncodableT
from redis.utils import str_if_bytes

from jobs import keyspace

PREFIX = "si_"
BASE62 = digits + ascii_letters
SECRET_LENGTH = 43  # base62 characters; 256 bits


@dataclass(frozen=True)
class ApiKey:
    """A key as it is kept; `created_at` in seconds since the epoch."""

    key_id: str
    name: str
    created_at: float

    @classmethod
    def from_hash(cls, digest: str, fields: Mapping[bytes | str, bytes | str]) -> "ApiKey | None":
        """Read a Redis hash found under `digest`; None if it is empty or kept for another key."""
        text = {str_if_bytes(name): str_if_bytes(value) for name, value in fields.items()}
        if not hmac.compare_digest(text.get("sha256", ""), digest):
            return None
        return cls(text["id"], text["name"], float(text["created_at"]))


def new_key() -> str:
    """A fresh key: prefix, 256 random bits and a checksum by which scanners can recognise a leak."""
    secret = "".join(secrets.choice(BASE62) for _ in range(SECRET_LENGTH))
    return f"{PREFIX}{secret}{_checksum(secret)}"


def digest(key: str) -> str:
    """SHA-256 in hex: what is kept of a key. Keys have 256 bits, so a slow hash would add nothing."""
    return sha256(key.encode()).hexdigest()


class ApiKeys:
    """The keys that are valid now."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def create(self, name: str, key: str | None = None) -> tuple[ApiKey, str]:
        """Make `key`, or a fresh one, valid; making the same key twice changes nothing.

        Returns what is kept and the key itself, which cannot be read again.
        """
        key = key or new_key()
        hashed = digest(key)
        stored = ApiKey.from_hash(hashed, self._redis.hgetall(keyspace.api_key(hashed)))
        if stored:
            return stored, key
        made = ApiKey(f"key_{secrets.token_hex(6)}", name, time.time())
        with self._redis.pipeline() as pipe:
            made_at = str(made.created_at)
            kept = {"id": made.key_id, "name": name, "created_at": made_at, "sha256": hashed}
            flat: Sequence[EncodableT] = [item for pair in kept.items() for item in pair]
            pipe.hset(keyspace.api_key(hashed), items=flat)
            pipe.hset(keyspace.API_KEYS, made.key_id, hashed)
            pipe.execute()
        return made, key

    def list(self) -> list[ApiKey]:
        """All valid keys, oldest first."""
        hashes = [str_if_bytes(value) for value in self._redis.hvals(keyspace.API_KEYS)]
        with self._redis.pipeline(transaction=False) as pipe:
            for hashed in hashes:
                pipe.hgetall(keyspace.api_key(hashed))
            found = map(ApiKey.from_hash, hashes, pipe.execute())
        return sorted(filter(None, found), key=lambda key: key.created_at)

    def revoke(self, key_id: str) -> bool:
        """Make a key invalid at once; False if there is no such key."""
        hashed = self._redis.hget(keyspace.API_KEYS, key_id)
        if hashed is None:
            return False
        with self._redis.pipeline() as pipe:
            pipe.delete(keyspace.api_key(str_if_bytes(hashed)))
            pipe.hdel(keyspace.API_KEYS, key_id)
            pipe.execute()
        return True


def _checksum(secret: str) -> str:
    value, text = zlib.crc32(secret.encode()), ""
    for _ in range(6):
        value, index = divmod(value, 62)
        text = BASE62[index] + text
    return text
