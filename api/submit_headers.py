"""Headers of a submit: time limits and the idempotency key."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple

from fastapi import Depends, Header, Request
from pydantic import WithJsonSchema

from api.http.validation import Fault, bad_request, fault
from jobs.config.settings import Settings
from jobs.lifecycle.deadlines import Deadlines

IDEMPOTENCY_KEY = "Idempotency-Key"
START_TIMEOUT = "X-Start-Timeout"
TIMEOUT = "X-Timeout"

IDEMPOTENCY_KEY_FORM = re.compile(r"[\x20-\x7e]{1,255}")
SECONDS_FORM = re.compile(r"\d{1,9}", re.ASCII)

SECONDS: dict[str, Any] = {"type": "integer", "minimum": 1}
TEXT: dict[str, Any] = {
    "type": "string",
    "minLength": 1,
    "maxLength": 255,
    "pattern": "^[!-~]([ -~]*[!-~])?$",
}


class SubmitHeaders(NamedTuple):
    deadlines: Deadlines
    timeouts: Mapping[str, int]
    """Seconds by the name of the header, for the headers that the client sent."""
    idempotency_key: str | None


def read_submit_headers(request: Request, settings: Settings) -> SubmitHeaders:
    """The client's values; the settings' defaults for missing ones. Raises 400 naming each invalid header."""
    faults: list[Fault] = []
    limits = {START_TIMEOUT: settings.max_start_timeout_s, TIMEOUT: settings.max_job_timeout_s}
    sent = {name: _seconds(request, name, limit, faults) for name, limit in limits.items()}
    timeouts = {name: seconds for name, seconds in sent.items() if seconds is not None}
    key = _idempotency_key(request, faults)
    if faults:
        raise bad_request(*faults)
    deadlines = Deadlines(
        timeouts.get(START_TIMEOUT, settings.start_timeout_s), timeouts.get(TIMEOUT, settings.job_timeout_s)
    )
    return SubmitHeaders(deadlines, timeouts, key)


def read_idempotency_key(request: Request) -> str | None:
    """Raises 400."""
    faults: list[Fault] = []
    key = _idempotency_key(request, faults)
    if faults:
        raise bad_request(*faults)
    return key


def _idempotency_key(request: Request, faults: list[Fault]) -> str | None:
    key = request.headers.get(IDEMPOTENCY_KEY)
    if key is not None and not IDEMPOTENCY_KEY_FORM.fullmatch(key):
        faults.append(fault(IDEMPOTENCY_KEY, "must have 1 to 255 printable ASCII characters, such as a UUID"))
    return key


def _seconds(request: Request, name: str, limit: int, faults: list[Fault]) -> int | None:
    text = request.headers.get(name)
    if text is None:
        return None
    if SECONDS_FORM.fullmatch(text) and 1 <= int(text) <= limit:
        return int(text)
    faults.append(fault(name, f"{text[:20]!a} is not a whole number of seconds from 1 to {limit}"))
    return None


IdempotencyKey = Annotated[
    str | None,
    Header(
        alias=IDEMPOTENCY_KEY,
        description="Chosen by the client. The same body with the same key is the same request until that "
        "expires (a repeat gets `Idempotent-Replayed: true`); another body with the same key is a 409.",
    ),
    WithJsonSchema(TEXT),
]


async def _describe_key(key: IdempotencyKey = None) -> None: ...


async def _describe(
    key: IdempotencyKey = None,
    start_timeout: Annotated[
        str | None,
        Header(
            alias=START_TIMEOUT, description="Seconds until the request must start, else FAILED `timeout`."
        ),
        WithJsonSchema(SECONDS),
    ] = None,
    timeout: Annotated[
        str | None,
        Header(
            alias=TIMEOUT,
            description="Seconds from its start, all attempts included, until it must end, else FAILED "
            "`timeout`.",
        ),
        WithJsonSchema(SECONDS),
    ] = None,
) -> None: ...


IDEMPOTENCY_HEADER = Depends(_describe_key)  # for the OpenAPI document
SUBMIT_HEADERS = Depends(_describe)  # for the OpenAPI document
