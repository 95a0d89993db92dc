"""The deadlines of a request."""

from dataclasses import dataclass
from typing import Self

from jobs.config.settings import Settings

GRACE_S = 3
"""Time for a worker to report an attempt that ended in time, before the reconciler ends the request."""


@dataclass(frozen=True)
class Deadlines:
    """The maximum time from creation to the start of a request, and from its start to its end."""

    start_timeout_s: float
    timeout_s: float

    @classmethod
    def default(cls, settings: Settings) -> Self:
        return cls(settings.start_timeout_s, settings.job_timeout_s)

    @property
    def longest_s(self) -> float:
        """The longest time from creation to the end of a request, even if workers die."""
        return self.start_timeout_s + self.timeout_s + GRACE_S
