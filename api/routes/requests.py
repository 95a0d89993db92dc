"""Status and result of a request: at once, by long poll, or as a stream of events; cancellation."""

import base64
from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from api.admission import (
    KEY,
    OwnedRequest,
    RequestId,
    RequestState,
    ServiceDep,
    get_owned_request,
    read_owned_request,
)
from api.errors import already_finished, unknown_request
from api.http.responses import JsonResponse
from api.http.route_classes import PlainRoute
from api.schemas import Cancelled, Completed, Failed, Result, Running, errors
from api.service import Service, origin_of
from api.status_body import status_body
from api.waiting.event_stream import EVENTS, LAST_EVENT_ID, EventStream
from api.waiting.long_poll import WAIT, await_end
from jobs.lifecycle.ended import result_body
from jobs.lifecycle.moves import CANCELLED, IllegalMove
from jobs.lifecycle.options import echo
from jobs.lifecycle.output import Output
from jobs.lifecycle.record import View
from jobs.lifecycle.status import TERMINAL, Status

router = APIRouter(tags=["requests"])
reads = APIRouter(route_class=PlainRoute, tags=["requests"])

FAILED: dict[int | str, dict[str, Any]] = {422: {"model": Failed, "description": "The request FAILED"}}


@reads.get(
    "/v2/requests/{request_id}/status",
    summary="Status of a request",
    responses={200: {"model": Completed | Running}, **FAILED, **errors(400, 401, 404, 429, 500, 502)},
    dependencies=[*KEY, WAIT],
)
async def show_status(request: Request, service: ServiceDep, request_id: RequestId) -> JsonResponse:
    """QUEUED, PROCESSING or COMPLETED; 422 with the reason if it FAILED."""
    return _status(request, await _read(request, service, request_id, View.STATUS))


@reads.get(
    "/v2/requests/{request_id}/status/stream",
    summary="Status of a request, as events",
    responses={**EVENTS, **errors(400, 401, 404, 429, 500, 502)},
    response_class=Response,
    dependencies=[*KEY, LAST_EVENT_ID],
)
async def stream_status(request: Request, service: ServiceDep, request_id: RequestId) -> Response:
    """Server-Sent Events: the current status, then one event for each change, until the request ends."""
    state = await get_owned_request(request, service, request_id)
    status_body(request, state)  # raises for an invalid host before the response begins
    last_id = request.headers.get("last-event-id", "")
    if last_id in TERMINAL and state.has_ended:
        return Response(status_code=204)
    return EventStream(request, last_id)


@reads.get(
    "/v2/requests/{request_id}",
    summary="Result of a request",
    responses={200: {"model": Result | Running}, **FAILED, **errors(400, 401, 404, 429, 500, 502)},
    dependencies=[*KEY, WAIT],
)
@reads.get("/v1/requests/{request_id}", include_in_schema=False)
async def show_result(request: Request, service: ServiceDep, request_id: RequestId) -> JsonResponse:
    """The picture's URL (or base64) once COMPLETED; before that, and if it FAILED, the status."""
    state = await _read(request, service, request_id, View.RESULT)
    record = state.record
    if record.output is None:
        return _status(request, state)
    body = result_body(origin_of(request), record, record.output)
    if record.params.get("base64"):
        body["output"] = await read_base64(service, record.output)
    return JsonResponse(body)


@router.post(
    "/v2/requests/{request_id}/cancel",
    summary="Cancel a request",
    responses=errors(401, 404, 409, 429, 500, 502),
    response_model_exclude_unset=True,
    dependencies=KEY,
)
async def cancel(service: ServiceDep, state: OwnedRequest) -> Cancelled:
    """End the request as FAILED with the code `cancelled`, and stop its worker."""
    record = state.record
    try:
        was = await run_in_threadpool(service.cancellation.cancel, record.request_id)
    except IllegalMove as refused:
        if refused.reason == "terminal":
            raise already_finished(record.request_id) from None
        raise unknown_request(record.request_id) from None
    return Cancelled(
        status=Status.FAILED,
        request_id=record.request_id,
        **echo(record.custom_id),
        was=was,
        error=CANCELLED.error,
        code=CANCELLED.code,
        metrics={},
    )


async def _read(request: Request, service: Service, request_id: str, view: View) -> RequestState:
    read = await_end if request.scope["query_string"] else read_owned_request
    return await read(request, service, request_id, view)


def _status(request: Request, state: RequestState) -> JsonResponse:
    return JsonResponse(status_body(request, state), 422 if state.record.status is Status.FAILED else 200)


async def read_base64(service: Service, output: Output) -> str:
    data = await service.store_threads.run(service.store.get, output.path)
    return base64.b64encode(data).decode()


router.routes[:0] = reads.routes  # hot routes are matched first
