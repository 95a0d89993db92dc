"""The balance of a key."""

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from api.admission import admit
from api.http.responses import JsonResponse
from api.http.route_classes import PlainRoute
from api.openapi import KEY, ServiceDep
from api.schemas import answers
from jobs.keys.admission import Bucket

router = APIRouter(route_class=PlainRoute, tags=["credits"], dependencies=KEY)

UNLIMITED = 2**53 - 1
"""The protocol requires a number: the largest integer that every JSON parser reads exactly."""


class Credits(BaseModel):
    """The balance of a key."""

    credits: int = Field(examples=[100])
    unlimited: bool = Field(False, description="absent if the key's credits are counted")


@router.get("/v1/get-user-credits", summary="Credits left", responses=answers(Credits))
async def show_credits(request: Request, service: ServiceDep) -> JsonResponse:
    """The credits this key can still spend, without those held for unfinished requests."""
    key = await admit(request, service, Bucket.READ)
    if key.credits is None:
        return JsonResponse({"credits": UNLIMITED, "unlimited": True})
    return JsonResponse({"credits": key.credits})
