"""Validation of bodies and query strings by models, with all faults in one response."""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Annotated, Any, TypeVar, get_args

from fastapi import Request
from pydantic import AfterValidator, BaseModel, Field, ValidationError
from pydantic_core import ErrorDetails

from api.errors import ApiError, ErrorCode
from jobs.config.validation import rule
from jobs.keys.key_rules import PREFIX

SHOWN_LENGTH = 60
SHOWN_FAULTS = 30
MAX_COMMAS = 4 * 4096  # allows three URLs of commas; reporting a million unknown names would take 3 GB
MAX_LISTED = 100
PRIVATE = re.compile(rf"://|data:|{PREFIX}\w{{20}}", re.IGNORECASE)
"""Matches URLs, data: URIs and API keys: error texts must not repeat passwords, tokens or pictures."""

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


def _check_cursor(text: str) -> str:
    if not (text.isascii() and text.isdecimal() and len(text) <= 16):
        raise ValueError('must be the value of "next" in a page')
    return text


Limit = Annotated[int, Field(ge=1, le=MAX_LISTED, description="Maximum number of items.")]
Before = Annotated[
    str | None, AfterValidator(_check_cursor), Field(description="`next` of the previous page.")
]


def fault(field: str, message: str) -> Fault:
    return {"field": field, "message": message}


def as_faults(faults: Mapping[str, str]) -> list[Fault]:
    return [fault(field, message) for field, message in faults.items()]


def bad_request(*faults: Fault) -> ApiError:
    text = "; ".join(f"{each['field']}: {each['message']}" for each in faults)
    return ApiError(ErrorCode.INVALID_PARAMETERS, text, errors=list(faults))


def validate_body(body: bytes, model: type[M], more_faults: Callable[[], Iterable[Fault]] = tuple) -> M:
    """Parse `body` as a `model`. Raises 400 with all its faults, followed by `more_faults`."""
    if body.count(b",") > MAX_COMMAS:
        raise bad_request(fault("body", "must be one JSON object of parameters: it has too many values"))
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise bad_request(*explain(error, model), *more_faults()) from None


def read_query(request: Request, model: type[M]) -> M:
    """Empty values are ignored. Raises 400 with all faults."""
    values = {name: value for name, value in request.query_params.items() if value}
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise bad_request(*explain(error, model)) from None


def explain(
    error: ValidationError, model: type[BaseModel], is_relevant: Callable[[ErrorDetails], bool] = bool
) -> list[Fault]:
    """The first `SHOWN_FAULTS` relevant errors: what is wrong with a field and what is allowed."""
    details = filter(is_relevant, error.errors(include_url=False))
    return [_explain(detail, model) for detail in islice(details, SHOWN_FAULTS)]


def _explain(detail: ErrorDetails, model: type[BaseModel]) -> Fault:
    field = shown(_path(detail["loc"])) or "body"
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
    return shown(json.dumps(value, ensure_ascii=False))


def shown(text: str) -> str:
    if PRIVATE.search(text):
        return "a URL, a data: URI or a key"
    return text if len(text) <= SHOWN_LENGTH else f"{text[:SHOWN_LENGTH]}..."
