"""When a server wants to be asked again."""

import math
import time
from email.utils import mktime_tz, parsedate_tz

LONGEST_WAIT_S = 86_400


def retry_after_s(text: str) -> int:
    """Seconds to wait by a `Retry-After` (RFC 9110, section 10.2.3); 0 where there is none to read."""
    if text.isascii() and text.isdigit():
        return min(int(text[:10]), LONGEST_WAIT_S)
    left_s = (http_date(text) or 0) - time.time()
    return max(0, min(math.ceil(left_s), LONGEST_WAIT_S))


def http_date(text: str) -> float | None:
    """In seconds since the epoch (RFC 9110, section 5.6.7); None where it is not one."""
    try:
        parsed = parsedate_tz(text)
        return mktime_tz(parsed) if parsed else None
    except (ValueError, OverflowError):  # the year 0
        return None
