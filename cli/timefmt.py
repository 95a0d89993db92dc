"""Formats and parses times and durations."""

import re
from datetime import UTC, datetime


def day(seconds: float | None) -> str:
    return "never" if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"


def minute(seconds: float) -> str:
    """Without the date, as requests expire after about an hour."""
    return f"{datetime.fromtimestamp(seconds, UTC):%H:%M}"


def length(seconds: float | None) -> str:
    """A duration in its two largest units; below a second in ms."""
    if seconds is None:
        return "-"
    if seconds < 1:
        return f"{1000 * max(0, seconds):.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for unit, size, smaller, part in (("d", 86400, "h", 3600), ("h", 3600, "m", 60), ("m", 60, "s", 1)):
        if whole >= size:
            rest = whole % size // part
            return f"{whole // size} {unit}" + (f" {rest} {smaller}" if rest else "")
    return f"{whole} s"


UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(text: str) -> int:
    """Parse `90d`, `12h`, `30m` or `45s`. Raises ValueError that names the allowed forms."""
    match = re.fullmatch(r"(\d{1,6})([smhd])", text, re.ASCII)
    if match is None or int(match[1]) == 0:
        raise ValueError("write 90d, 12h, 30m or 45s")
    return int(match[1]) * UNITS_S[match[2]]
