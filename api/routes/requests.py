"""A key's requests: status and result, at once, by long poll or as events; list, cancel, retry, delete."""

from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from api import openapi
from api.admission import RequestState, admit, read_owned_request, require_credits
from api.dependencies import KEY, OwnedRequest, RecordId, ServiceDep
from api.errors import unknown_request
from api.http.responses import JsonResponse
from api.http.route_classes import PlainRoute, TracedRoute, traceparent_of
from api.http.validation import Before, Limit, read_query
from api.routes.submit import note_accepted
from api.schemas import Cancelled, Completed, Failed, RequestList, Result, Running, Submitted, answers, errors
from api.service import origin_of
from api.status_body import listed_body, read_base64, status_body, submitted_body
from api.submit_headers import IDEMPOTENCY_HEADER, read_idempotency_key
from api.waiting.call import WAIT, poll_request
from api.waiting.event_stream import EVENTS, LAST_EVENT_ID, EventStream
from jobs.keys.admission import Bucket
from jobs.keys.key_rules import Scope
from jobs.lifecycle.moves import CANCELLED
from jobs.lifecycle.options import CustomId, echo
from jobs.lifecycle.record import View
from jobs.lifecycle.status import TERMINAL, Status
from jobs.webhooks.body import result_body

router = APIRouter(tags=["requests"], dependencies=KEY)
reads = APIRouter(route_class=PlainRoute, tags=["requests"], dependencies=KEY)
retries = APIRouter(route_class=TracedRoute, tags=["requests"], dependencies=KEY)

FAILED: dict[int | str, dict[str, Any]] = {422: {"model": Failed, "description": "The request FAILED"}}


class ListQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    status: Annotated[Status | None, Field(description="Only requests with this status.")] = None
    custom_id: Annotated[CustomId | None, Field(description="Only requests with this `custom_id`.")] = None
    limit: Limit = 20
    before: Before = None


@reads.get(
    "/v2/requests/{request_id}/status",
    summary="Status of a request",
    responses={**answers(Completed | Running, 400, 404), **FAILED},
    dependencies=[WAIT],
)
async def show_status(request: Request, service: ServiceDep, request_id: RecordId) -> JsonResponse:
    """QUEUED, PROCESSING or COMPLETED; 422 with the reason if it FAILED."""
    read = poll_request if request.scope["query_string"] else read_owned_request
    return _status(request, await read(request, service, request_id, View.STATUS))


@reads.get(
    "/v2/requests/{request_id}",
    summary="Result of a request",
    responses={**answers(Result | Running, 400, 404), **FAILED},
    dependencies=[WAIT],
)
@reads.get("/v1/requests/{request_id}", include_in_schema=False)
async def show_result(request: Request, service: ServiceDep, request_id: RecordId) -> JsonResponse:
    """The picture's URL (or base64) once COMPLETED; before that, and if it FAILED, the status."""
    read = poll_request if request.scope["query_string"] else read_owned_request
    state = await read(request, service, request_id, View.RESULT)
    record = state.record
    if record.output is None:
        return _status(request, state)
    body = result_body(origin_of(request), record, record.output)
    if record.params.get("base64"):
        body["output"] = await read_base64(service, record.output)
    return JsonResponse(body)


@reads.get(
    "/v2/requests/{request_id}/status/stream",
    summary="Status of a request, as events",
    responses={**EVENTS, **errors(400, 404)},
    response_class=Response,
    dependencies=[LAST_EVENT_ID],
)
async def stream_status(request: Request, service: ServiceDep, request_id: RecordId) -> Response:
    """Server-Sent Events: the current status, then one event for each change, until the request ends."""
    state = await read_owned_request(request, service, request_id)
    status_body(request, state)  # raises for an invalid host before the response begins
    last_id = request.headers.get("last-event-id", "")
    if last_id in TERMINAL and state.has_ended:
        return Response(status_code=204)
    return EventStream(request, last_id)


@reads.get(
    "/v2/requests",
    summary="Requests of this key",
    responses=answers(RequestList, 400),
    dependencies=[openapi.query(ListQuery)],
)
async def list_requests(request: Request, service: ServiceDep) -> JsonResponse:
    """Requests that have not expired, newest first."""
    key = await admit(request, service, Bucket.LIST)
    query = read_query(request, ListQuery)
    origin = origin_of(request)
    page = await run_in_threadpool(
        service.listing.page,
        key.key_id,
        query.status,
        query.custom_id,
        query.limit,
        None if query.before is None else int(query.before),
    )
    shown = [listed_body(request, origin, record) for record in page.records]
    return JsonResponse({"requests": shown, "next": None if page.next is None else str(page.next)})


@router.post(
    "/v2/requests/{request_id}/cancel",
    summary="Cancel a request",
    responses=errors(404, 409),
    response_model_exclude_unset=True,
)
async def cancel(service: ServiceDep, state: OwnedRequest) -> Cancelled:
    """End the request as FAILED with the code `cancelled`, and stop its worker."""
    record = state.record
    was = await run_in_threadpool(service.cancellation.cancel, record.request_id)
    return Cancelled(
        status=Status.FAILED,
        request_id=record.request_id,
        **echo(record.custom_id),
        was=was,
        error=CANCELLED.error,
        code=CANCELLED.code,
        metrics={},
    )


@retries.post(
    "/v2/requests/{request_id}/retry",
    summary="Submit a request again",
    responses=answers(Submitted, 400, 403, 404, 406, 409),
    dependencies=[IDEMPOTENCY_HEADER],
)
async def retry(request: Request, service: ServiceDep, request_id: RecordId) -> JsonResponse:
    """Create a request with the parameters, `custom_id` and `X-Timeout` of one that has ended.

    It costs the same, and gets the default start timeout.
    """
    origin = origin_of(request)
    key = await admit(request, service, Bucket.SUBMIT, Scope.SUPERIMPOSE)
    idempotency_key = read_idempotency_key(request)
    record, _ = await service.reader.request(request_id, View.STATUS)
    if record is None or record.key_id != key.key_id:
        raise unknown_request(request_id)
    if idempotency_key is None:
        require_credits(key, service.settings.credit_cost)
    created = await service.store_threads.run(
        service.resubmission.resubmit, request_id, idempotency_key, traceparent_of(request)
    )
    note_accepted(request, created, key, record.custom_id)
    return JsonResponse(submitted_body(origin, created.request_id, record.custom_id))


@router.delete(
    "/v2/requests/{request_id}",
    summary="Delete a request",
    status_code=204,
    response_class=Response,
    responses=errors(404, 409),
)
async def delete(service: ServiceDep, state: OwnedRequest) -> Response:
    """Delete its record, its picture and its inline inputs at once; 409 until it has ended."""
    await service.store_threads.run(service.deletion.delete, state.record.request_id)
    return Response(status_code=204)


def _status(request: Request, state: RequestState) -> JsonResponse:
    return JsonResponse(status_body(request, state), 422 if state.record.status is Status.FAILED else 200)


router.routes[:0] = [*reads.routes, *retries.routes]  # hot routes are matched first
