"""Rules for the scopes, credits and names of API keys. Cheap to import, for the command line."""

import re
from enum import StrEnum

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
    """Keep the existing key."""
    OVERWRITE = "overwrite"
    """Replace it by the key of the backup."""


def checked_name(name: str) -> str:
    if not name.isprintable() or not 1 <= len(name) <= MAX_NAME_LENGTH:
        raise ValueError(f"a name has 1 to {MAX_NAME_LENGTH} printable characters in one line")
    return name
