"""The body of a batch, as JSON or as NDJSON: what holds for all its requests, then one request after another.

Of NDJSON one line is in memory at a time, with what has come of the next one.
"""

import contextlib
from codecs import BOM_UTF8
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import from_json, to_json

from api.batches.errors import line_too_long
from api.http.body import MAX_COMMAS, bad_request, explain, fault, media_type, read_json, stream_body
from jobs.batches.opening import MAX_REQUESTS
from jobs.config.settings import Settings

JSON = "application/json"
NDJSON = "application/x-ndjson"
NDJSON_TYPES = frozenset({NDJSON, "application/ndjson"})

MOST_LINES = 4 * MAX_REQUESTS  # blank ones too

MOST_VALUES = 100 * MAX_REQUESTS
"""In a body of JSON, which is in memory as objects whole; those of 5,000 requests may have 100 each."""


class BatchHead(BaseModel):
    """What a batch says beside its requests."""

    model_config = ConfigDict(extra="forbid", strict=True)

    defaults: dict[str, Any] | None = Field(
        None,
        description="Parameters of every request that has not its own; null in a request means the default "
        "of the parameter itself.",
        examples=[{"overlay_image": "https://example.com/logo.png", "opacity": 0.5}],
    )
    webhook_url: str | None = Field(
        None,
        description="Where the end of the batch is told, by a signed POST: https, at most 2,048 characters.",
        examples=["https://shop.example/superimpose"],
    )


class BatchJson(BatchHead):
    """A batch as one JSON object."""

    requests: list[Any] = Field(min_length=1, max_length=MAX_REQUESTS)


class Member(NamedTuple):
    """A request of a batch in JSON; `line` is that of NDJSON."""

    text: bytes
    line: int | None = None


class BatchBody(NamedTuple):
    """The members are read as they are asked for, which raises what `read_batch` does."""

    head: BatchHead
    members: AsyncIterator[Member]
    total: int | None = None
    """Of the members; None: not known before the last."""


async def read_batch(request: Request, settings: Settings) -> BatchBody:
    """Raises 400 for what is no batch at all, 413, 415."""
    match media_type(request):
        case "application/json":
            body = await read_json(request, settings.max_body_bytes)
            found = await run_in_threadpool(_parsed, body)
            return BatchBody(found, _listed(found.requests), len(found.requests))
        case kind if kind in NDJSON_TYPES:
            return await _read_lines(_lines(request, settings))
    text = f"send JSON with the header Content-Type: {JSON}, or a request a line with {NDJSON}"
    raise bad_request([fault("body", text)])


def _parsed(body: bytes) -> BatchJson:
    if sum(map(body.count, (b",", b"[", b"{"))) > MOST_VALUES:
        text = f"has too many values for one JSON object: send a request a line as {NDJSON}"
        raise bad_request([fault("body", text)])
    try:
        return BatchJson.model_validate_json(body)
    except ValidationError as error:
        raise bad_request(explain(error, BatchJson)) from None


async def _listed(requests: list[Any]) -> AsyncIterator[Member]:
    for each in requests:
        yield Member(to_json(each))


async def _read_lines(lines: AsyncIterator[Member]) -> BatchBody:
    first = await anext(lines, None)
    if first is None:
        return BatchBody(BatchHead(), lines)
    values = await run_in_threadpool(_readable, first.text)
    if not _is_head(values):
        return BatchBody(BatchHead(), _with_first(first, lines))
    try:
        return BatchBody(BatchHead.model_validate(values), lines)
    except ValidationError as error:
        raise bad_request(explain(error, BatchHead)) from None


def _readable(text: bytes) -> Any:
    """None of what is a request with a fault."""
    if text.count(b",") <= MAX_COMMAS:
        with contextlib.suppress(ValueError):
            return from_json(text)
    return None


def _is_head(values: Any) -> bool:
    """No request has `defaults`, or nothing but a `webhook_url`."""
    return isinstance(values, dict) and ("defaults" in values or [*values] == ["webhook_url"])


async def _with_first(first: Member, lines: AsyncIterator[Member]) -> AsyncIterator[Member]:
    yield first
    async for line in lines:
        yield line


async def _lines(request: Request, settings: Settings) -> AsyncIterator[Member]:
    """Those that are not blank."""
    longest, number, begun = settings.max_body_bytes, 0, bytearray()
    async for chunk in stream_body(request, settings.max_batch_bytes):
        *ends, rest = chunk.split(b"\n")
        for end in ends:
            begun += end
            number += 1
            if number > MOST_LINES:
                raise bad_request([fault("body", f"has more than {MOST_LINES:,} lines")])
            if len(begun) > longest:
                raise line_too_long(number, longest)
            if line := _stripped(begun, number):
                yield Member(line, number)
            begun = bytearray()
        begun += rest
        if len(begun) > longest:
            raise line_too_long(number + 1, longest)
    if line := _stripped(begun, number + 1):
        yield Member(line, number + 1)


def _stripped(line: bytearray, number: int) -> bytes:
    return bytes(line.removeprefix(BOM_UTF8) if number == 1 else line).strip()
