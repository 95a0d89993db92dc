"""Errors of a call to a server."""

from collections.abc import Mapping, Sequence
from typing import Any


class CallError(Exception):
    """Root of the errors here; the text is for the user."""


class Unreachable(CallError):
    """No answer came, or none of this service."""


class Refused(CallError):
    """The server answered with an error: its HTTP `status`, and `code`, the machine word.

    `faults` are `field` and `message` of each parameter that it does not take; `retry_after_s` is 0 where it
    does not say when to come again.
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
    """A request ended as FAILED; `answer` is its status answer."""

    def __init__(self, answer: Mapping[str, Any]) -> None:
        super().__init__(f"{answer.get('error')} ({answer.get('code')})")
        self.answer = answer


KEY_REFUSED = frozenset({401, 403})
"""HTTP statuses of an answer to a key that is not valid, or may not do this."""

NOT_ENOUGH_CREDITS = 406
