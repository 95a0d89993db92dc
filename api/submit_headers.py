"""Headers of a submit: time limits and the idempotency key."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NamedTuple

from fastapi import Header, Request
from pydantic import WithJsonSchema

from api.http.validation import Fault, bad_request, fault
from api.openapi import described
from jobs.config.settings import Settings
from jobs.lifecycle.creation import Deadlines

IDEMPOTENCY_KEY = "Idempotency-Key"
START_TIMEOUT = "X-Start-Timeout"
TIMEOUT = "X-Timeout"

IDEMPOTENCY_KEY_FORM = re.compile(r"[\x20-\x7e]{1,255}")
SECONDS_FORM = re.compile(r"\d{1,9}", re.ASCII)


class SubmitHeaders(NamedTuple):
    deadlines: Deadlines
    timeouts: Mapping[str, int]
    """Seconds by the name of the header, for the headers that the client sent."""
    idempotency_key: str | None


def read_submit_headers(request: Request, settings: Settings) -> SubmitHeaders:
    """The client's values; the settings' defaults for missing ones. Raises 400 naming each invalid header."""
    timeouts, faults = dict[str, int](), list[Fault]()
    limits = {START_TIMEOUT: settings.max_start_timeout_s, TIMEOUT: settings.max_job_timeout_s}
    for name, limit in limits.items():
        text = request.headers.get(name)
        if text is None:
            continue
        if SECONDS_FORM.fullmatch(text) and 1 <= int(text) <= limit:
            timeouts[name] = int(text)
        else:
            faults.append(fault(name, f"{text[:20]!a} is not a whole number of seconds from 1 to {limit}"))
    key = read_idempotency_key(request, faults)
    deadlines = Deadlines(
        timeouts.get(START_TIMEOUT, settings.start_timeout_s), timeouts.get(TIMEOUT, settings.job_timeout_s)
    )
    return SubmitHeaders(deadlines, timeouts, key)


def read_idempotency_key(request: Request, faults: Sequence[Fault] = ()) -> str | None:
    """Raises 400 if it is invalid, or if other headers have `faults`."""
    key = request.headers.get(IDEMPOTENCY_KEY)
    if key is not None and not IDEMPOTENCY_KEY_FORM.fullmatch(key):
        text = "must have 1 to 255 printable ASCII characters, such as a UUID"
        faults = [*faults, fault(IDEMPOTENCY_KEY, text)]
    if faults:
        raise bad_request(*faults)
    return key


def _seconds(name: str, description: str) -> Any:
    schema = WithJsonSchema({"type": "integer", "minimum": 1})
    return described(Annotated[str | None, Header(alias=name, description=description), schema], None)


IDEMPOTENCY_HEADER = described(
    Annotated[
        str | None,
        Header(
            alias=IDEMPOTENCY_KEY,
            description="Chosen by the client. The same body with the same key is the same request until "
            "that expires (a repeat gets `Idempotent-Replayed: true`); another body with the same key is a "
            "409.",
        ),
        WithJsonSchema(
            {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]([ -~]*[!-~])?$"}
        ),
    ],
    None,
)
SUBMIT_HEADERS = [
    IDEMPOTENCY_HEADER,
    _seconds(START_TIMEOUT, "Seconds until the request must start, else FAILED `timeout`."),
    _seconds(
        TIMEOUT, "Seconds from its start, all attempts included, until it must end, else FAILED `timeout`."
    ),
]
