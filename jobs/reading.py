"""What the API reads, each in one round trip to Redis."""

from collections.abc import Mapping
from dataclasses import dataclass

from redis.asyncio import Redis
from redis.utils import str_if_bytes

from jobs import keyspace
from jobs.api_keys import ApiKey, digest
from jobs.record import Record


@dataclass(frozen=True)
class PublishedPicture:
    """A picture that may be fetched until `expires_at` (seconds since the epoch)."""

    path: str
    content_type: str
    file_size: int
    expires_at: float

    @classmethod
    def from_hash(cls, fields: Mapping[bytes | str, bytes | str]) -> "PublishedPicture | None":
        """Read a Redis hash; None if there is no such picture (any more)."""
        if not fields:
            return None
        text = {str_if_bytes(name): str_if_bytes(value) for name, value in fields.items()}
        return cls(text["path"], text["content_type"], int(text["file_size"]), int(text["expires_at"]) / 1000)


class Reader:
    """Reads keys, records and pictures; raises `redis.RedisError` when Redis is away."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def key(self, presented: str) -> ApiKey | None:
        """The key behind a presented text; None if it is not valid."""
        hashed = digest(presented)
        return ApiKey.from_hash(hashed, await self._redis.hgetall(keyspace.api_key(hashed)))

    async def key_and_record(
        self, presented: str, request_id: str
    ) -> tuple[ApiKey | None, Record | None, int | None]:
        """A key, a request and its place in the queue (0 = next; None once it has left it)."""
        hashed = digest(presented)
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.hgetall(keyspace.api_key(hashed))
            pipe.hgetall(keyspace.request(request_id))
            pipe.zrank(keyspace.WAITING, request_id)
            kept, fields, position = await pipe.execute()
        return ApiKey.from_hash(hashed, kept), Record.from_hash(request_id, fields), position

    async def record(self, request_id: str) -> Record | None:
        """The record of a request whose owner has been checked."""
        return Record.from_hash(request_id, await self._redis.hgetall(keyspace.request(request_id)))

    async def picture(self, token: str) -> PublishedPicture | None:
        """The picture published under a name; None if unknown or expired."""
        return PublishedPicture.from_hash(await self._redis.hgetall(keyspace.picture(token)))
