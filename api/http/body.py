"""The body of a call: room for it in memory, and JSON to checked parameters, or every fault in one answer."""

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
from jobs.keys.key_text import PREFIX

SHOWN_LENGTH = 60
SHOWN_FAULTS = 30
MAX_COMMAS = 4 * 4096  # three URLs of nothing else pass; a million keys would take 3 GB to refuse one by one
PRIVATE = re.compile(rf"://|data:|{PREFIX}\w{{20}}", re.IGNORECASE)
"""What a URL, a data: URI or a key has in it: passwords, tokens and pictures are not repeated."""

WAIT_S = 10
SMALL = 64 * 1024  # bytes of a body that are not counted: connections are bounded

BODIES = 16
"""Bodies of the largest size that all keys may have in memory; one takes about three times its size there."""

BODIES_OF_A_KEY = 4

TRUTH = "true or false"
WANTED = {"int_type": "an integer", "float_type": "a number", "bool_type": TRUTH, "string_type": "a string"}
"""What is to be sent, by Pydantic's word for the fault."""
KINDS = {str: "a string", bool: "a boolean", int: "a number", float: "a number"}
IN_QUOTES = {
    "an integer": re.compile(r"-?(0|[1-9]\d*)", re.ASCII),
    "a number": re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII),
    TRUTH: re.compile("true|false"),
}
"""JSON of the wanted kind."""

M = TypeVar("M", bound=BaseModel)

Fault = dict[str, str]  # `field` and `message`: one thing wrong with one parameter


class NoRoom(ApiError):
    """429: within `WAIT_S` too little of other bodies has left memory."""

    def __init__(self) -> None:
        text = f"too many large bodies at once: try again in {RETRY_AFTER_S} s, or send URLs of the pictures"
        super().__init__(429, "busy", text, {"Retry-After": str(RETRY_AFTER_S)})


class BodyRoom:
    """Room for bodies of at most `max_body_bytes`; a call takes its share before it reads a byte."""

    def __init__(self, max_body_bytes: int) -> None:
        self.max_body_bytes = max_body_bytes
        self._of_all = BODIES * max_body_bytes
        self._of_a_key = BODIES_OF_A_KEY * max_body_bytes
        self._taken: Counter[str] = Counter()
        self._given_back = asyncio.Condition()

    @asynccontextmanager
    async def take(self, key_id: str, size: int) -> AsyncIterator[None]:
        """Room for `size` bytes of a key, waiting for it while there is none. Raises `NoRoom`."""
        if size <= SMALL:
            yield
            return
        await self._wait(key_id, size)
        self._taken[key_id] += size
        try:
            yield
        finally:
            await self._give_back(key_id, size)

    async def _wait(self, key_id: str, size: int) -> None:
        try:
            async with asyncio.timeout(WAIT_S), self._given_back:
                await self._given_back.wait_for(lambda: self._fits(key_id, size))
        except TimeoutError:
            raise NoRoom from None

    def _fits(self, key_id: str, size: int) -> bool:
        of_a_key = self._taken[key_id] + size <= self._of_a_key
        return of_a_key and self._taken.total() + size <= self._of_all

    async def _give_back(self, key_id: str, size: int) -> None:
        self._taken[key_id] -= size
        if not self._taken[key_id]:
            del self._taken[key_id]
        async with self._given_back:
            self._given_back.notify_all()


async def read_json(request: Request, max_bytes: int) -> bytes:
    """A body that says it is JSON, without a byte order mark. Raises 400, 413, 415."""
    if media_type(request) != "application/json":
        raise bad_request([fault("body", "send JSON with the header Content-Type: application/json")])
    return (await read_body(request, max_bytes)).removeprefix(BOM_UTF8)


def media_type(request: Request) -> str:
    """Type of the body without its parameters, in lower case; "" if none is given."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


@asynccontextmanager
async def reserve_room(
    request: Request, room: BodyRoom, key_id: str, most: int | None = None
) -> AsyncIterator[None]:
    """Have the body in memory only in here, to its last copy. Raises 413, 429.

    `most`: the bytes that may come, where no more than a body of the largest size is in memory at a time.
    """
    max_bytes = room.max_body_bytes if most is None else most
    announced = request.headers.get("content-length", "")
    size = int(announced) if announced.isdecimal() else max_bytes
    if size > max_bytes:
        raise body_too_large(max_bytes)
    async with room.take(key_id, min(size, room.max_body_bytes)):
        yield


async def read_body(request: Request, max_bytes: int) -> bytes:
    """The whole body. Raises 413 as soon as it is larger, 415 where it is encoded."""
    body = bytearray()
    async for chunk in stream_body(request, max_bytes):
        body += chunk
    return bytes(body)


async def stream_body(request: Request, max_bytes: int) -> AsyncIterator[bytes]:
    """The body as it comes. Raises as `read_body` does."""
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


def checked(body: bytes, model: type[M], more_faults: Callable[[], Iterable[Fault]] = tuple) -> M:
    """The JSON in `body` as a `model`. Raises 400 with all its faults, and `more_faults` of a bad body."""
    if body.count(b",") > MAX_COMMAS:
        raise bad_request([fault("body", "must be one JSON object of parameters: it has too many values")])
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise bad_request([*explain(error, model), *more_faults()]) from None


def explain(
    error: ValidationError, model: type[BaseModel], counts: Callable[[ErrorDetails], bool] = bool
) -> list[Fault]:
    """Its first faults, of those that count, each as what is wrong with a field and what is allowed."""
    counted = islice(filter(counts, error.errors(include_url=False)), SHOWN_FAULTS)
    return [_explain(detail, model) for detail in counted]


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
        case kind if kind in WANTED and type(detail["input"]) in KINDS:
            return fault(field, _wrong_type(detail["input"], WANTED[kind]))
        case _:
            return fault(field, f"{_quoted(detail['input'])} is not allowed: {rule(detail)}")


def _model_at(model: type[BaseModel], loc: Sequence[str | int]) -> type[BaseModel]:
    """The model of the values at `loc`, of lists of models too."""
    for name in (part for part in loc if isinstance(part, str)):
        inner: list[Any] = [model.model_fields[name].annotation]
        while inner and not (isinstance(inner[0], type) and issubclass(inner[0], BaseModel)):
            inner = [*get_args(inner[0]), *inner[1:]]
        model = inner[0]
    return model


def _path(loc: Sequence[str | int]) -> str:
    """As "overlays[1].opacity"."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc)
    return "".join(parts).removeprefix(".")


def _wrong_type(value: str | bool | float, wanted: str) -> str:
    """Many tools write all values in quotes; their users cannot see which value that is."""
    said = f"{_quoted(value)} is {KINDS[type(value)]}"
    if wanted == "a string":
        return f"{said}; send it in quotes"
    if not isinstance(value, str):
        return f"{said}; send {wanted}"
    bare = value.strip()
    if IN_QUOTES[wanted].fullmatch(bare):
        return f"{said}; send {'' if wanted == TRUTH else 'the number '}{bare} without quotes"
    return f"{said}; send {wanted} without quotes, or leave it out"


def _quoted(value: Any) -> str:
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    return _shown(json.dumps(value, ensure_ascii=False))


def _shown(text: str) -> str:
    if PRIVATE.search(text):
        return "a URL, a data: URI or a key"
    return text if len(text) <= SHOWN_LENGTH else f"{text[:SHOWN_LENGTH]}..."
