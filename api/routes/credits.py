"""What a key has left to spend."""

from fastapi import APIRouter, Request

from api.access import caller
from api.direct import DirectRoute
from api.http.json_response import JsonResponse
from api.openapi import KEY
from api.schemas import Credits, answers

router = APIRouter(route_class=DirectRoute, tags=["credits"])

UNLIMITED = 2**53 - 1
"""The largest integer that every JSON reader keeps whole: the protocol has a number here."""


@router.get(
    "/v1/get-user-credits",
    summary="Credits left",
    responses={200: {"model": Credits}, **answers(401, 429, 500, 502)},
    openapi_extra=KEY,
)
async def credits(request: Request) -> JsonResponse:
    """The credits this key can still spend, those held for unfinished requests not counted."""
    left = (await caller(request)).credits
    return JsonResponse({"credits": UNLIMITED, "unlimited": True} if left is None else {"credits": left})
