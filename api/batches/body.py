"""The body of a batch, as JSON or NDJSON: a head with defaults, then the requests one by one.

NDJSON is streamed: one line and the beginning of the next are in memory.
"""

import contextlib
from codecs import BOM_UTF8
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import from_json, to_json

from api.errors import line_too_long
from api.http.body import media_type, read_json, stream_body
from api.http.validation import MAX_COMMAS, bad_request, explain, fault
from jobs.batches.limits import MAX_LINES, MAX_REQUESTS, MAX_VALUES
from jobs.config.settings import Settings

JSON = "application/json"
NDJSON = "application/x-ndjson"
NDJSON_TYPES = frozenset({NDJSON, "application/ndjson"})


class BatchHead(BaseModel):
    """The fields of a batch other than its requests."""

    model_config = ConfigDict(extra="forbid", strict=True)

    defaults: dict[str, Any] | None = Field(
        None,
        description="Parameters of every request that does not set its own; null in a request means the "
        "parameter's own default.",
        examples=[{"overlay_image": "https://example.com/logo.png", "opacity": 0.5}],
    )
    webhook_url: str | None = Field(
        None,
        description="Receives a signed POST when the batch ends: https, at most 2,048 characters.",
        examples=["https://shop.example/superimpose"],
    )


class BatchJson(BatchHead):
    requests: list[Any] = Field(min_length=1, max_length=MAX_REQUESTS)


class Member(NamedTuple):
    """A request of a batch as JSON, and its line in NDJSON."""

    text: bytes
    line: int | None = None


BatchBody = tuple[BatchHead, AsyncIterator[Member], int | None]


async def read_batch(request: Request, settings: Settings) -> BatchBody:
    """The head, the members, and their number, if it is known before the last is read.

    Raises 400 if the body is not a batch, 413, 415; so does iterating over the members.
    """
    match media_type(request):
        case "application/json":
            body = await read_json(request, settings.max_body_bytes)
            batch = await run_in_threadpool(_parse, body)
            return batch, _encoded(batch.requests), len(batch.requests)
        case kind if kind in NDJSON_TYPES:
            return await _read_lines(_lines(request, settings))
    text = f"send JSON with the header Content-Type: {JSON}, or one request per line with {NDJSON}"
    raise bad_request(fault("body", text))


def _parse(body: bytes) -> BatchJson:
    if sum(map(body.count, (b",", b"[", b"{"))) > MAX_VALUES:
        text = f"has too many values for one JSON object: send one request per line as {NDJSON}"
        raise bad_request(fault("body", text))
    try:
        return BatchJson.model_validate_json(body)
    except ValidationError as error:
        raise bad_request(*explain(error, BatchJson)) from None


async def _encoded(requests: list[Any]) -> AsyncIterator[Member]:
    for request in requests:
        yield Member(to_json(request))


async def _read_lines(lines: AsyncIterator[Member]) -> BatchBody:
    first = await anext(lines, None)
    if first is None:
        return BatchHead(), lines, None
    values = await run_in_threadpool(_parse_line, first.text)
    if not _is_head(values):
        return BatchHead(), _prepend(first, lines), None
    try:
        return BatchHead.model_validate(values), lines, None
    except ValidationError as error:
        raise bad_request(*explain(error, BatchHead)) from None


def _parse_line(text: bytes) -> Any:
    """None for an invalid line, which is checked as a request later."""
    if text.count(b",") <= MAX_COMMAS:
        with contextlib.suppress(ValueError):
            return from_json(text)
    return None


def _is_head(values: Any) -> bool:
    """A request never has `defaults`, and never a `webhook_url` alone."""
    return isinstance(values, dict) and ("defaults" in values or [*values] == ["webhook_url"])


async def _prepend(first: Member, lines: AsyncIterator[Member]) -> AsyncIterator[Member]:
    yield first
    async for line in lines:
        yield line


async def _lines(request: Request, settings: Settings) -> AsyncIterator[Member]:
    limit, number, pending = settings.max_body_bytes, 0, bytearray()
    async for chunk in stream_body(request, settings.max_batch_bytes):
        *ends, rest = chunk.split(b"\n")
        for end in ends:
            pending += end
            number += 1
            if number > MAX_LINES:
                raise bad_request(fault("body", f"has more than {MAX_LINES:,} lines"))
            if len(pending) > limit:
                raise line_too_long(number, limit)
            if line := _stripped(pending, number):
                yield Member(line, number)
            pending = bytearray()
        pending += rest
        if len(pending) > limit:
            raise line_too_long(number + 1, limit)
    if line := _stripped(pending, number + 1):
        yield Member(line, number + 1)


def _stripped(line: bytearray, number: int) -> bytes:
    return bytes(line.removeprefix(BOM_UTF8) if number == 1 else line).strip()
