"""The query of a call that lists something, checked by a model."""

from typing import Annotated, TypeVar

from fastapi import Request
from pydantic import AfterValidator, BaseModel, Field, ValidationError

from api.http.body import bad_request, explain

M = TypeVar("M", bound=BaseModel)


def _next(text: str) -> str:
    if not (text.isascii() and text.isdecimal() and len(text) <= 16):
        raise ValueError('must be what "next" of a page says')
    return text


Before = Annotated[
    str | None, AfterValidator(_next), Field(description="`next` of a page, for the one that follows.")
]


def read_query(request: Request, model: type[M]) -> M:
    """What the query says; an empty value is none. Raises 400 with all faults."""
    given = {name: value for name, value in request.query_params.items() if value}
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise bad_request(explain(error, model)) from None
