"""Hashes of Redis as text."""

from collections.abc import Mapping

from redis.utils import str_if_bytes

RedisHash = Mapping[bytes | str, bytes | str]


def as_text(fields: RedisHash) -> dict[str, str]:
    """Not by redis-py's `decode_responses`, which fails at what others keep in the database as bytes."""
    return {str_if_bytes(name): str_if_bytes(value) for name, value in fields.items()}
