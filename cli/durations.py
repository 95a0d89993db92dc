"""Lengths of time as people write them: `90d`, `12h`."""

import re

UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(text: str) -> int:
    """Seconds of `90d`, `12h`, `30m` or `45s`. Raises ValueError with what is allowed."""
    match = re.fullmatch(r"(\d{1,6})([smhd])", text, re.ASCII)
    if match is None or int(match[1]) == 0:
        raise ValueError("write 90d, 12h, 30m or 45s")
    return int(match[1]) * UNITS_S[match[2]]
