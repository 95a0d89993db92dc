"""Redis hashes as text."""

from collections.abc import Iterable, Mapping, Sequence

from redis.utils import str_if_bytes

RedisHash = Mapping[bytes | str, bytes | str]


def as_text(fields: RedisHash) -> dict[str, str]:
    """Decode a hash; redis-py's `decode_responses` fails at binary values of others in the same database."""
    return {str_if_bytes(name): str_if_bytes(value) for name, value in fields.items()}


def named(fields: Sequence[str], values: Iterable[bytes | None]) -> dict[str, str]:
    """Those of `fields` that exist, by the values that HMGET returned for them."""
    pairs = zip(fields, values, strict=True)
    return {name: value.decode() for name, value in pairs if value is not None}


def seconds(text: Mapping[str, str], name: str) -> float | None:
    """A field in ms, if it exists."""
    return int(text[name]) / 1000 if name in text else None
