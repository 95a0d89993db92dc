"""What a key has left to spend."""

from fastapi import APIRouter

from api.dependencies import KEY, Reader
from api.schemas import Credits, answers

router = APIRouter(tags=["credits"])

UNLIMITED = 2**53 - 1
"""The largest integer that every JSON reader keeps whole: the protocol has a number here."""


@router.get(
    "/v1/get-user-credits",
    summary="Credits left",
    responses=answers(401, 429, 500, 502),
    response_model_exclude_unset=True,
    dependencies=KEY,
)
async def show_credits(key: Reader) -> Credits:
    """The credits this key can still spend, those held for unfinished requests not counted."""
    if key.credits is None:
        return Credits(credits=UNLIMITED, unlimited=True)
    return Credits(credits=key.credits)
