"""Times in the format of our responses."""

import math
from datetime import UTC, datetime


def rfc3339(seconds: float) -> str:
    """Seconds since the epoch, in UTC and to the millisecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def retry_after(seconds: float) -> int:
    """Whole seconds for a Retry-After header, at least one."""
    return max(1, math.ceil(seconds))
