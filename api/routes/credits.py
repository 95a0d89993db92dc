"""The balance of a key."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from api.dependencies import KEY, Reader
from api.schemas import errors

router = APIRouter(tags=["credits"], dependencies=KEY)

UNLIMITED = 2**53 - 1
"""The protocol requires a number: the largest integer that every JSON parser reads exactly."""


class Credits(BaseModel):
    """The balance of a key."""

    credits: int = Field(examples=[100])
    unlimited: bool = Field(False, description="absent if the key's credits are counted")


@router.get(
    "/v1/get-user-credits",
    summary="Credits left",
    responses=errors(),
    response_model_exclude_unset=True,
)
async def show_credits(key: Reader) -> Credits:
    """The credits this key can still spend, without those held for unfinished requests."""
    if key.credits is None:
        return Credits(credits=UNLIMITED, unlimited=True)
    return Credits(credits=key.credits)
