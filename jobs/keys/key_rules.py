"""Rules for the scopes, credits and names of API keys. Light: the command line imports it."""

import re
from enum import StrEnum

KEY_ID = re.compile(r"key_[0-9a-f]{12}")
MAX_NAME_LENGTH = 100
MAX_WEIGHT = 100
MAX_CREDITS = 10**15  # JSON readers and Lua keep whole numbers to 2**53


class Scope(StrEnum):
    """What a key may be used for; reading what it owns is always allowed."""

    SUPERIMPOSE = "superimpose"
    """Submit requests to the model."""
    UPLOAD = "upload"
    """Upload pictures."""


class Existing(StrEnum):
    """What becomes of a key that is there already and differs from the one of a backup."""

    REFUSE = "refuse"
    """Nothing at all is changed."""
    KEEP = "keep"
    """It stays as it is."""
    OVERWRITE = "overwrite"
    """It becomes the backup's."""


def checked_name(name: str) -> str:
    if not name.isprintable() or not 1 <= len(name) <= MAX_NAME_LENGTH:
        raise ValueError(f"a name has 1 to {MAX_NAME_LENGTH} printable characters in one line")
    return name
