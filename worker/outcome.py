"""How a run of the task ended, as the child tells its parent."""

import json
from dataclasses import asdict, dataclass
from enum import StrEnum


class Ending(StrEnum):
    """What is left to do about the job after the task has run."""

    DONE = "done"
    """Nothing: the request is terminal, or gone."""
    FAILED = "failed"
    """The request FAILED, and trying again would not help."""
    RETRY = "retry"
    """Another attempt may help, and the request has one left."""


@dataclass(frozen=True)
class Outcome:
    """How one run of the task ended; `reason` is for RQ's registry and holds nothing of the client's."""

    ending: Ending
    reason: str = ""

    def to_bytes(self) -> bytes:
        """For the pipe."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Outcome":
        """From the pipe."""
        answer = json.loads(data)
        return cls(Ending(answer["ending"]), answer["reason"])
