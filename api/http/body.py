"""Request bodies: bounded in memory, read, and validated with all faults in one response."""

import asyncio
import json
import re
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from typing import Any, TypeVar, get_args

from fastapi import Request
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from api.errors import ApiError, body_too_large, unsupported_encoding
from api.http.refusal import RETRY_AFTER_S
from jobs.config.validation import rule
from jobs.keys.key_rules import PREFIX

SHOWN_LENGTH = 60
SHOWN_FAULTS = 30
MAX_COMMAS = 4 * 4096  # allows three URLs of commas; reporting a million unknown names would take 3 GB
PRIVATE = re.compile(rf"://|data:|{PREFIX}\w{{20}}", re.IGNORECASE)
"""Matches URLs, data: URIs and API keys: error texts must not repeat passwords, tokens or pictures."""

WAIT_S = 10
SMALL = 64 * 1024  # bytes; smaller bodies are not counted, as the number of connections bounds them

BODIES = 16
"""Bodies of the largest size that fit into memory at once; each takes about three times its size."""

BODIES_OF_A_KEY = 4

BOOL = "true or false"
EXPECTED = {"int_type": "an integer", "float_type": "a number", "bool_type": BOOL, "string_type": "a string"}
"""The expected type, by Pydantic's error type."""
JSON_TYPES = {str: "a string", bool: "a boolean", int: "a number", float: "a number"}
QUOTED_FORMS = {
    "an integer": re.compile(r"-?(0|[1-9]\d*)", re.ASCII),
    "a number": re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII),
    BOOL: re.compile("true|false"),
}
"""JSON literals of the expected type."""

M = TypeVar("M", bound=BaseModel)

Fault = dict[str, str]  # `field` and `message`: one thing wrong with one parameter


class BodyMemoryFull(ApiError):
    """429: other bodies have not released enough memory within `WAIT_S`."""

    def __init__(self) -> None:
        text = f"too many large bodies at once: try again in {RETRY_AFTER_S} s, or send URLs of the pictures"
        super().__init__(429, "busy", text, {"Retry-After": str(RETRY_AFTER_S)})


class BodyMemory:
    """A budget of memory for bodies of at most `max_body_bytes`, shared by all keys."""

    def __init__(self, max_body_bytes: int) -> None:
        self.max_body_bytes = max_body_bytes
        self._limit = BODIES * max_body_bytes
        self._limit_per_key = BODIES_OF_A_KEY * max_body_bytes
        self._used: Counter[str] = Counter()
        self._released = asyncio.Condition()

    @asynccontextmanager
    async def reserve(self, key_id: str, size: int) -> AsyncIterator[None]:
        """Reserve `size` bytes, as soon as they are free. Raises `BodyMemoryFull`."""
        if size <= SMALL:
            yield
            return
        await self._wait(key_id, size)
        self._used[key_id] += size
        try:
            yield
        finally:
            await self._release(key_id, size)

    async def _wait(self, key_id: str, size: int) -> None:
        try:
            async with asyncio.timeout(WAIT_S), self._released:
                await self._released.wait_for(lambda: self._fits(key_id, size))
        except TimeoutError:
            raise BodyMemoryFull from None

    def _fits(self, key_id: str, size: int) -> bool:
        fits_key = self._used[key_id] + size <= self._limit_per_key
        return fits_key and self._used.total() + size <= self._limit

    async def _release(self, key_id: str, size: int) -> None:
        self._used[key_id] -= size
        if not self._used[key_id]:
            del self._used[key_id]
        async with self._released:
            self._released.notify_all()


async def read_json(request: Request, max_bytes: int) -> bytes:
    """The body of a JSON request, without a byte order mark. Raises 400, 413, 415."""
    if media_type(request) != "application/json":
        raise bad_request([fault("body", "send JSON with the header Content-Type: application/json")])
    return (await read_body(request, max_bytes)).removeprefix(BOM_UTF8)


def media_type(request: Request) -> str:
    """The Content-Type without parameters, in lower case; "" if missing."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


@asynccontextmanager
async def reserve_memory(
    request: Request, memory: BodyMemory, key_id: str, max_bytes: int | None = None
) -> AsyncIterator[None]:
    """Reserve memory for the body, which no copy may outlive this context. Raises 413, 429.

    `max_bytes`: the limit of a streamed body, of which at most `max_body_bytes` are in memory at once.
    """
    limit = memory.max_body_bytes if max_bytes is None else max_bytes
    announced = request.headers.get("content-length", "")
    size = int(announced) if announced.isdecimal() else limit
    if size > limit:
        raise body_too_large(limit)
    async with memory.reserve(key_id, min(size, memory.max_body_bytes)):
        yield


async def read_body(request: Request, max_bytes: int) -> bytes:
    """The whole body. Raises 413 once it exceeds `max_bytes`, 415 for a Content-Encoding."""
    body = bytearray()
    async for chunk in stream_body(request, max_bytes):
        body += chunk
    return bytes(body)


async def stream_body(request: Request, max_bytes: int) -> AsyncIterator[bytes]:
    """The chunks of the body as they arrive. Raises as `read_body` does."""
    coding = request.headers.get("content-encoding", "").strip().lower()
    if coding not in ("", "identity"):
        raise unsupported_encoding(_shown(coding))
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > max_bytes:
            raise body_too_large(max_bytes)
        yield chunk


def fault(field: str, message: str) -> Fault:
    return {"field": field, "message": message}


def bad_request(faults: list[Fault]) -> ApiError:
    text = "; ".join(f"{each['field']}: {each['message']}" for each in faults)
    return ApiError(400, "invalid_parameters", text, errors=faults)


def validate_body(body: bytes, model: type[M], more_faults: Callable[[], Iterable[Fault]] = tuple) -> M:
    """Parse `body` as a `model`. Raises 400 with all its faults, followed by `more_faults`."""
    if body.count(b",") > MAX_COMMAS:
        raise bad_request([fault("body", "must be one JSON object of parameters: it has too many values")])
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise bad_request([*explain(error, model), *more_faults()]) from None


def explain(
    error: ValidationError, model: type[BaseModel], is_relevant: Callable[[ErrorDetails], bool] = bool
) -> list[Fault]:
    """The first `SHOWN_FAULTS` relevant errors: what is wrong with a field and what is allowed."""
    shown = islice(filter(is_relevant, error.errors(include_url=False)), SHOWN_FAULTS)
    return [_explain(detail, model) for detail in shown]


def _explain(detail: ErrorDetails, model: type[BaseModel]) -> Fault:
    field = _shown(_path(detail["loc"])) or "body"
    match detail["type"]:
        case "missing":
            return fault(field, "is required")
        case "extra_forbidden":
            known = ", ".join(_model_at(model, detail["loc"][:-1]).model_fields)
            return fault(field, f"is not a parameter; known are {known}")
        case "model_type" | "model_attributes_type" if detail["loc"]:
            return fault(field, f"{_quoted(detail['input'])} is not allowed: must be an object of parameters")
        case "json_invalid" | "model_type" | "model_attributes_type":
            return fault("body", f"must be one JSON object: {detail['msg']}")
        case "value_error" if not detail["loc"]:
            return fault("parameters", rule(detail))
        case "value_error" | "too_short" | "too_long" if isinstance(detail["input"], list | dict):
            return fault(field, rule(detail))
        case kind if kind in EXPECTED and type(detail["input"]) in JSON_TYPES:
            return fault(field, _wrong_type(detail["input"], EXPECTED[kind]))
        case _:
            return fault(field, f"{_quoted(detail['input'])} is not allowed: {rule(detail)}")


def _model_at(model: type[BaseModel], loc: Sequence[str | int]) -> type[BaseModel]:
    """The model at `loc`, also inside lists and unions."""
    for name in (part for part in loc if isinstance(part, str)):
        inner: list[Any] = [model.model_fields[name].annotation]
        while inner and not (isinstance(inner[0], type) and issubclass(inner[0], BaseModel)):
            inner = [*get_args(inner[0]), *inner[1:]]
        model = inner[0]
    return model


def _path(loc: Sequence[str | int]) -> str:
    """For example "overlays[1].opacity"."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc)
    return "".join(parts).removeprefix(".")


def _wrong_type(value: str | bool | float, expected: str) -> str:
    """Many tools quote all values, so the text shows the value and how to send it."""
    actual = f"{_quoted(value)} is {JSON_TYPES[type(value)]}"
    if expected == "a string":
        return f"{actual}; send it in quotes"
    if not isinstance(value, str):
        return f"{actual}; send {expected}"
    bare = value.strip()
    if QUOTED_FORMS[expected].fullmatch(bare):
        return f"{actual}; send {'' if expected == BOOL else 'the number '}{bare} without quotes"
    return f"{actual}; send {expected} without quotes, or leave it out"


def _quoted(value: Any) -> str:
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    return _shown(json.dumps(value, ensure_ascii=False))


def _shown(text: str) -> str:
    if PRIVATE.search(text):
        return "a URL, a data: URI or a key"
    return text if len(text) <= SHOWN_LENGTH else f"{text[:SHOWN_LENGTH]}..."
