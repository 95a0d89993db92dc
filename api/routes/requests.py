"""Following a request: its status and its result, as they are now, once it has ended, or as they change."""

import base64
from collections.abc import Awaitable
from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from api.access import Seen, owned_request
from api.direct import DirectRoute
from api.errors import ApiError, already_finished, unknown_request
from api.http.json_response import JsonResponse
from api.openapi import KEY, REQUEST_ID, parameters
from api.schemas import Cancelled, Completed, Failed, Result, Running, answers
from api.service import origin_of, service_of
from api.status_body import status_body
from api.waiting.event_stream import EventStream
from api.waiting.long_poll import ended
from api.waiting.openapi import EVENTS, LAST_EVENT_ID, WAIT
from jobs.cancellation import CANCELLED
from jobs.lifecycle.moves import IllegalMove
from jobs.lifecycle.output import Output
from jobs.lifecycle.record import Record, View
from jobs.lifecycle.status import TERMINAL, Status

router = APIRouter(route_class=DirectRoute, tags=["requests"])

FAILED: dict[int | str, dict[str, Any]] = {422: {"model": Failed, "description": "The request FAILED"}}


@router.get(
    "/v2/requests/{request_id}/status",
    summary="Status of a request",
    responses={200: {"model": Completed | Running}, **FAILED, **answers(400, 401, 404, 429, 500, 502)},
    openapi_extra=KEY | parameters(REQUEST_ID, WAIT),
)
async def status(request: Request) -> JsonResponse:
    """QUEUED, PROCESSING or COMPLETED; 422 with the reason if it FAILED."""
    return _status(request, await _seen(request, View.STATUS))


@router.get(
    "/v2/requests/{request_id}/status/stream",
    summary="Status of a request, as events",
    responses={**EVENTS, **answers(400, 401, 404, 429, 500, 502)},
    openapi_extra=KEY | parameters(REQUEST_ID, LAST_EVENT_ID),
)
async def stream(request: Request) -> Response:
    """Server-Sent Events: the status as it is, then one event for each change, and the end after the last."""
    seen = await owned_request(request)
    status_body(request, seen)  # what is wrong with its host is told before the answer begins
    last = request.headers.get("last-event-id", "")
    if last in TERMINAL and seen.record.status in TERMINAL:
        return Response(status_code=204)
    return EventStream(request, last)


@router.get(
    "/v2/requests/{request_id}",
    summary="Result of a request",
    responses={200: {"model": Result | Running}, **FAILED, **answers(400, 401, 404, 429, 500, 502)},
    openapi_extra=KEY | parameters(REQUEST_ID, WAIT),
)
@router.get("/v1/requests/{request_id}", include_in_schema=False)
async def result(request: Request) -> JsonResponse:
    """The picture's URL (or base64) once COMPLETED; before that, and if it FAILED, the status."""
    seen = await _seen(request, View.RESULT)
    if seen.record.output is None:
        return _status(request, seen)
    return JsonResponse(await _result(request, seen.record, seen.record.output))


@router.post(
    "/v2/requests/{request_id}/cancel",
    summary="Cancel a request",
    responses={200: {"model": Cancelled}, **answers(401, 404, 409, 429, 500, 502)},
    openapi_extra=KEY | parameters(REQUEST_ID),
)
async def cancel(request: Request) -> JsonResponse:
    """It ends as FAILED with the code `cancelled`, says what it was, and whoever works on it is stopped."""
    record = (await owned_request(request)).record
    try:
        was = await run_in_threadpool(service_of(request).cancellation.cancel, record.request_id)
    except IllegalMove as refused:
        raise _refusal(record, refused) from None
    body = {"status": Status.FAILED, "request_id": record.request_id, "was": was}
    return JsonResponse(body | {"error": CANCELLED.error, "code": CANCELLED.code, "metrics": {}})


def _refusal(record: Record, refused: IllegalMove) -> ApiError:
    if refused.reason == "terminal":
        return already_finished(record.request_id)
    return unknown_request(record.request_id)


def _seen(request: Request, view: View) -> Awaitable[Seen]:
    return (ended if request.scope["query_string"] else owned_request)(request, view)


def _status(request: Request, seen: Seen) -> JsonResponse:
    return JsonResponse(status_body(request, seen), 422 if seen.record.status is Status.FAILED else 200)


async def _result(request: Request, record: Record, output: Output) -> dict[str, Any]:
    url = f"{origin_of(request)}/pictures/{output.file_name}"
    shown = await picture_base64(request, output) if record.params.get("base64") else url
    image = {
        "url": url,
        "content_type": output.content_type,
        "file_name": output.file_name,
        "file_size": output.file_size,
        "width": output.width,
        "height": output.height,
    }
    return {
        "status": record.status,
        "request_id": record.request_id,
        "error": None,
        "output": shown,
        "images": [image],
        "metrics": record.metrics,
        "expires_at": record.expires,
        **({"animated": output.animated} if output.animated else {}),
    }


async def picture_base64(request: Request, output: Output) -> str:
    """A picture as plain base64."""
    service = service_of(request)
    data = await service.store_threads.run(service.store.get, output.path)
    return base64.b64encode(data).decode()
