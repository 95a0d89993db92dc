"""Times in the formats of HTTP and of our responses."""

import math
import time
from datetime import UTC, datetime
from email.utils import mktime_tz, parsedate_tz

MAX_WAIT_S = 86_400


def rfc3339(seconds: float) -> str:
    """Seconds since the epoch, in UTC and to the millisecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def retry_after(seconds: float) -> int:
    """Whole seconds for a Retry-After header, at least one."""
    return max(1, math.ceil(seconds))


def read_retry_after(text: str) -> int:
    """Seconds to wait by a `Retry-After` (RFC 9110, section 10.2.3); 0 if it cannot be parsed."""
    if text.isascii() and text.isdigit():
        return min(int(text[:10]), MAX_WAIT_S)
    wait_s = (http_date(text) or 0) - time.time()
    return max(0, min(math.ceil(wait_s), MAX_WAIT_S))


def http_date(text: str) -> float | None:
    """Seconds since the epoch (RFC 9110, section 5.6.7); None if it cannot be parsed."""
    try:
        parsed = parsedate_tz(text)
        return mktime_tz(parsed) if parsed else None
    except (ValueError, OverflowError):  # such as the year 0
        return None
