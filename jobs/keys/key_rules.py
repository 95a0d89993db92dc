"""Rules for the text, scopes, credits and names of API keys. Cheap to import, for the command line."""

import re
import secrets
import zlib
from enum import StrEnum
from hashlib import sha256
from string import ascii_letters, digits

PREFIX = "si_"
BASE62 = digits + ascii_letters
SECRET_LENGTH = 43  # base62 characters; 256 bits

KEY_ID = re.compile(r"key_[0-9a-f]{12}")
MAX_NAME_LENGTH = 100
MAX_WEIGHT = 100
MAX_CREDITS = 10**15  # JSON parsers and Lua represent integers exactly up to 2**53


class Scope(StrEnum):
    """What a key may be used for; reading its own requests is always allowed."""

    SUPERIMPOSE = "superimpose"
    """Submit requests to the model."""
    UPLOAD = "upload"
    """Upload pictures."""


class Existing(StrEnum):
    """How a restore treats an existing key that differs from the backup."""

    REFUSE = "refuse"
    """Change no key at all."""
    KEEP = "keep"
    OVERWRITE = "overwrite"


def checked_name(name: str) -> str:
    if not name.isprintable() or not 1 <= len(name) <= MAX_NAME_LENGTH:
        raise ValueError(f"a name has 1 to {MAX_NAME_LENGTH} printable characters in one line")
    return name


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
