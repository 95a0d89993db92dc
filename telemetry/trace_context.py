"""Which trace a request belongs to: W3C Trace Context's header `traceparent`, www.w3.org/TR/trace-context."""

import re
from collections.abc import Sequence
from typing import NamedTuple, Self

_FORM = re.compile(r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_SAMPLED = 1


class TraceContext(NamedTuple):
    """A span that others may be children of: ids in lower-case hex, and whether the trace is kept."""

    trace_id: str
    span_id: str
    sampled: bool

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """What a `traceparent` says; None if it is none. Of later versions what they share with the first."""
        found = _FORM.fullmatch(text)
        if found is None or (found[1] == "00" and found[5]):
            return None
        return cls(found[2], found[3], bool(int(found[4], 16) & _SAMPLED))

    @classmethod
    def of_headers(cls, values: Sequence[str]) -> Self | None:
        """The same of all headers of that name; None unless there is exactly one."""
        return cls.parse(values[0]) if len(values) == 1 else None

    def __str__(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{self.sampled:02x}"
