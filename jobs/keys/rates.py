"""Rates, written as `600/minute`."""

import re
from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

PERIODS_S = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
NOTATION = re.compile(r"(\d{1,9})/(second|minute|hour|day)", re.ASCII)


@dataclass(frozen=True)
class Rate:
    """A burst of `count` calls, refilled evenly over each `period_s` seconds; `count` 0: no limit."""

    count: int
    period_s: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse `600/minute` or `unlimited`. Raises ValueError that says what is allowed."""
        if text == "unlimited":
            return cls(0, 1)
        match = NOTATION.fullmatch(text)
        if match is None or int(match[1]) == 0:
            raise ValueError("write 600/minute (or second, hour, day), or unlimited")
        return cls(int(match[1]), PERIODS_S[match[2]])

    def __str__(self) -> str:
        if self.count == 0:
            return "unlimited"
        names = {seconds: name for name, seconds in PERIODS_S.items()}
        return f"{self.count}/{names[self.period_s]}"

    def __le__(self, other: "Rate") -> bool:
        """Whether this allows no more than `other`."""
        if other.count == 0 or self.count == 0:
            return other.count == 0
        return self.count * other.period_s <= other.count * self.period_s


RateField = Annotated[
    Rate,
    BeforeValidator(lambda value: Rate.parse(value) if isinstance(value, str) else value),
    PlainSerializer(str),
    WithJsonSchema({"type": "string", "pattern": f"^({NOTATION.pattern}|unlimited)$"}),
]
"""A rate as a field of a Pydantic model, written as text."""
