"""The balance of a key."""

from fastapi import APIRouter

from api.admission import KEY, Reader
from api.schemas import Credits, errors

router = APIRouter(tags=["credits"])

UNLIMITED = 2**53 - 1
"""The protocol requires a number: the largest integer that every JSON parser reads exactly."""


@router.get(
    "/v1/get-user-credits",
    summary="Credits left",
    responses=errors(401, 429, 500, 502),
    response_model_exclude_unset=True,
    dependencies=KEY,
)
async def show_credits(key: Reader) -> Credits:
    """The credits this key can still spend, without those held for unfinished requests."""
    if key.credits is None:
        return Credits(credits=UNLIMITED, unlimited=True)
    return Credits(credits=key.credits)
