"""How long a request may wait and run."""

from dataclasses import dataclass
from typing import Self

from jobs.config.settings import Settings

GRACE_S = 3
"""Time for a worker to report an attempt that ended in time; then the reconciler ends the request."""


@dataclass(frozen=True)
class Deadlines:
    """Seconds: until a request must have been started, and from then until it must have ended."""

    start_timeout_s: float
    timeout_s: float

    @classmethod
    def default(cls, settings: Settings) -> Self:
        """Of a request that sets none."""
        return cls(settings.start_timeout_s, settings.job_timeout_s)

    @property
    def longest_s(self) -> float:
        """From a request's creation to its end, whatever dies."""
        return self.start_timeout_s + self.timeout_s + GRACE_S
