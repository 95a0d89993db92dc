"""Errors of API calls."""

from collections.abc import Mapping, Sequence
from typing import Any


class CallError(Exception):
    """Base class; the text is shown to the user."""


class Unreachable(CallError):
    """No response came, or none that this service sends."""


class Refused(CallError):
    """The server responded with an error: HTTP `status` and error `code`.

    `faults` has `field` and `message` of each invalid parameter; `retry_after_s` is 0 without Retry-After.
    """

    def __init__(
        self,
        status: int,
        code: str,
        error: str,
        faults: Sequence[Mapping[str, str]] = (),
        retry_after_s: float = 0,
    ) -> None:
        super().__init__(error)
        self.status = status
        self.code = code
        self.faults = faults
        self.retry_after_s = retry_after_s


class RequestFailed(CallError):
    """A request FAILED; `answer` is its status response."""

    def __init__(self, answer: Mapping[str, Any]) -> None:
        super().__init__(f"{answer.get('error')} ({answer.get('code')})")
        self.answer = answer


KEY_REFUSED = frozenset({401, 403})
"""HTTP statuses for a key that is invalid or lacks the scope."""

NOT_ENOUGH_CREDITS = 406
