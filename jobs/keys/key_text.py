"""The text of an API key, and its stored hash."""

import secrets
import zlib
from hashlib import sha256
from string import ascii_letters, digits

PREFIX = "si_"
BASE62 = digits + ascii_letters
SECRET_LENGTH = 43  # base62 characters; 256 bits


def new_key(cell: str = "") -> str:
    """A new text: prefix, 256 random bits, and a checksum by which scanners recognise a leaked key.

    The name of a cell follows the prefix, where proxies find it: `si_eu1_...`.
    """
    secret = "".join(secrets.choice(BASE62) for _ in range(SECRET_LENGTH))
    return f"{PREFIX}{f'{cell}_' if cell else ''}{secret}{_checksum(secret)}"


def digest(key: str) -> str:
    """SHA-256 in hex. A text has 256 random bits, so a slow hash would add no security."""
    return sha256(key.encode()).hexdigest()


def _checksum(secret: str) -> str:
    value, text = zlib.crc32(secret.encode()), ""
    for _ in range(6):
        value, index = divmod(value, 62)
        text = BASE62[index] + text
    return text
