"""How long a request may wait and run."""

from dataclasses import dataclass
from typing import Self

from jobs.config.settings import Settings

GRACE_S = 3
"""What a worker may take to report what it ended in time; then the reconciler ends the request."""

AHEAD_S = 15
"""How long a waiting request is left to the worker that fetches for it, as long as others have work."""


@dataclass(frozen=True)
class Deadlines:
    """Seconds: until a request must have been started, and from then until it must have ended."""

    start_timeout_s: float
    timeout_s: float

    @classmethod
    def default(cls, settings: Settings) -> Self:
        """What holds for a request that says nothing else."""
        return cls(settings.start_timeout_s, settings.job_timeout_s)

    @property
    def longest_s(self) -> float:
        """From a request's making to its end, whatever dies."""
        return self.start_timeout_s + self.timeout_s + GRACE_S
