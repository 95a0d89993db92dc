"""The body of a submit: JSON to checked parameters, or every fault in one answer."""

from typing import Any

from fastapi import Request
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from api.errors import ApiError
from compositor import SuperimposeRequest

SHOWN_LENGTH = 60


async def read_parameters(request: Request) -> dict[str, Any]:
    """Parameters as JSON values, defaults left out. Raises 400 naming each parameter, value and rule."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/json":
        raise bad_request([fault("body", "send JSON with the header Content-Type: application/json")])
    try:
        checked = SuperimposeRequest.model_validate_json(await request.body())
    except ValidationError as error:
        raise bad_request([_explain(detail) for detail in error.errors(include_url=False)]) from None
    return checked.model_dump(exclude_unset=True, exclude_none=True)


def fault(field: str, message: str) -> dict[str, str]:
    """One thing wrong with one parameter."""
    return {"field": field, "message": message}


def bad_request(faults: list[dict[str, str]]) -> ApiError:
    """400 with all faults, as one text for people and as a list for programs."""
    text = "; ".join(f"{each['field']}: {each['message']}" for each in faults)
    return ApiError(400, "invalid_parameters", text, errors=faults)


def _explain(detail: ErrorDetails) -> dict[str, str]:
    field = ".".join(str(part) for part in detail["loc"]) or "body"
    match detail["type"]:
        case "missing":
            return fault(field, "is required")
        case "extra_forbidden":
            known = ", ".join(SuperimposeRequest.model_fields)
            return fault(_shown(field), f"is not a parameter; known are {known}")
        case "json_invalid" | "model_type" | "model_attributes_type":
            return fault("body", f"must be one JSON object: {detail['msg']}")
        case _:
            rule = detail["msg"].removeprefix("Input ").removeprefix("Value error, ")
            return fault(field, f"{_shown(detail['input'])} is not allowed: {rule}")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN_LENGTH else f"{text[:SHOWN_LENGTH]}..."
