"""The query string of calls that list something, validated by a model."""

from typing import Annotated, TypeVar

from fastapi import Request
from pydantic import AfterValidator, BaseModel, Field, ValidationError

from api.http.body import bad_request, explain

M = TypeVar("M", bound=BaseModel)

MAX_LISTED = 100


def _check_cursor(text: str) -> str:
    if not (text.isascii() and text.isdecimal() and len(text) <= 16):
        raise ValueError('must be the value of "next" in a page')
    return text


Limit = Annotated[int, Field(ge=1, le=MAX_LISTED, description="Maximum number of items.")]
Before = Annotated[
    str | None, AfterValidator(_check_cursor), Field(description="`next` of the previous page.")
]


def read_query(request: Request, model: type[M]) -> M:
    """Empty values are ignored. Raises 400 with all faults."""
    values = {name: value for name, value in request.query_params.items() if value}
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise bad_request(explain(error, model)) from None
