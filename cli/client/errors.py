"""Errors of API calls, and how the command line explains them."""

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import typer

from cli.parameters import option
from cli.printing import ExitCode, stop

KEY_REFUSED = frozenset({401, 403})
"""HTTP statuses for a key that is invalid or lacks the scope."""
NOT_ENOUGH_CREDITS = 406
BAD_REQUEST = 400
REQUEST_FIELD = re.compile(r"requests\[(\d+)\]\.?")
LINE = re.compile(r" \(line \d+\)$")
OPTIONS = {"base_image": "--base", "overlay_image": "--overlay"}


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


def explain(error: CallError) -> typer.Exit:
    """Print the error, naming each invalid parameter by its option; returns the exception to raise."""
    match error:
        case RequestFailed():
            request_id = error.answer.get("request_id")
            return stop(f"request {request_id} FAILED: {error}", ExitCode.FAILED)
        case Unreachable():
            code = ExitCode.NO_SERVER
        case Refused() if error.status in KEY_REFUSED:
            code = ExitCode.NO_SERVER
        case Refused() if error.status == BAD_REQUEST:
            code = ExitCode.USAGE
        case _:
            code = ExitCode.FAULT
    return stop(join_faults(error, option_of), code)


def join_faults(error: CallError, label: Callable[[str], str] = str) -> str:
    """One line; `label` turns a parameter's name into the name to show."""
    if isinstance(error, Refused) and error.faults:
        return "; ".join(f"{label(fault['field'])}: {fault['message']}" for fault in error.faults)
    return str(error)


def faults_by_picture(refused: Refused) -> Mapping[int, Refused]:
    """The errors of a refused batch, by index of the picture. Raises an error that affects every picture."""
    faults = defaultdict[int, list[Mapping[str, str]]](list)
    for fault in refused.faults:
        match = REQUEST_FIELD.match(fault["field"])
        if match is None:
            common = [{**each, "field": each["field"].removeprefix("defaults.")} for each in refused.faults]
            raise Refused(refused.status, refused.code, str(refused), common)
        field, message = fault["field"][match.end() :] or "picture", LINE.sub("", fault["message"])
        faults[int(match[1])].append({"field": field, "message": message})
    if not faults:
        raise refused
    return {index: Refused(refused.status, refused.code, "", each) for index, each in faults.items()}


def option_of(field: str) -> str:
    """The command-line option of a parameter; fields of a scene's layers have none and keep their name."""
    return field if "[" in field else OPTIONS.get(field) or option(field)
