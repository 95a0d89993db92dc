"""A rate limit in headers: draft-ietf-httpapi-ratelimit-headers-10, Retry-After, and the vendor's own."""

import math
import time
from datetime import UTC, datetime

from jobs.admission import Limit


def limit_headers(limit: Limit) -> dict[str, str]:
    """What a client should know of the limit it is under, on every answer."""
    reset_at = datetime.fromtimestamp(time.time() + limit.full_in_s, UTC)
    return {
        "RateLimit-Policy": f'"{limit.bucket}";q={limit.rate.count};w={limit.rate.period_s}',
        "RateLimit": f'"{limit.bucket}";r={limit.remaining};t={math.ceil(limit.full_in_s)}',
        "x-rate-limit-reset-at-utc": reset_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def retry_after(limit: Limit) -> int:
    """Whole seconds after which one more call is within the limit."""
    return max(1, math.ceil(limit.wait_s))
