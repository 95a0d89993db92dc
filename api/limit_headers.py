"""A rate limit in headers: draft-ietf-httpapi-ratelimit-headers-10, Retry-After, and the vendor's own."""

import math
import time
from datetime import UTC, datetime
from functools import lru_cache

from jobs.keys.admission import Limit


def limit_headers(limit: Limit) -> dict[str, str]:
    """What a client should know of the limit it is under, on every answer."""
    return {
        "RateLimit-Policy": f'"{limit.bucket}";q={limit.rate.count};w={limit.rate.period_s}',
        "RateLimit": f'"{limit.bucket}";r={limit.remaining};t={math.ceil(limit.full_in_s)}',
        "x-rate-limit-reset-at-utc": _rfc3339(int(time.time() + limit.full_in_s)),
    }


@lru_cache(maxsize=64)
def _rfc3339(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
