"""A key's own requests: list, retry, delete."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from api.admission import (
    KEY,
    OwnedRequest,
    RequestId,
    ServiceDep,
    admit_lister,
    admit_submitter,
    require_credits,
)
from api.errors import cannot_retry, not_finished, unknown_request
from api.http.query import Before, Limit, read_query
from api.http.responses import JsonResponse
from api.http.route_classes import PlainRoute, TracedRoute, traceparent_of
from api.routes.submit import note_accepted, submit_errors
from api.schemas import RequestList, Submitted, errors
from api.service import origin_of
from api.status_body import listed_body, submitted_body
from api.submit_headers import IDEMPOTENCY_HEADER, read_idempotency_key
from jobs.lifecycle.moves import IllegalMove
from jobs.lifecycle.options import CustomId
from jobs.lifecycle.record import View
from jobs.lifecycle.status import Status
from jobs.queries.listing import RequestFilter
from jobs.resubmission import CannotResubmit

router = APIRouter(tags=["requests"])
lists = APIRouter(route_class=PlainRoute, tags=["requests"])
retries = APIRouter(route_class=TracedRoute, tags=["requests"])


class ListQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    status: Annotated[Status | None, Field(description="Only requests with this status.")] = None
    custom_id: Annotated[CustomId | None, Field(description="Only requests with this `custom_id`.")] = None
    limit: Limit = 20
    before: Before = None


async def _describe(query: Annotated[ListQuery, Query()]) -> None: ...


@lists.get(
    "/v2/requests",
    summary="Requests of this key",
    responses={200: {"model": RequestList}, **errors(400, 401, 429, 500, 502)},
    dependencies=[*KEY, Depends(_describe)],
)
async def list_requests(request: Request, service: ServiceDep) -> JsonResponse:
    """Requests that have not expired, newest first."""
    key = await admit_lister(request, service)
    query = read_query(request, ListQuery)
    origin = origin_of(request)
    page = await run_in_threadpool(
        service.listing.page,
        key.key_id,
        RequestFilter(query.status, query.custom_id),
        query.limit,
        None if query.before is None else int(query.before),
    )
    return JsonResponse(
        {
            "requests": [listed_body(request, origin, record) for record in page.records],
            "next": None if page.next is None else str(page.next),
        }
    )


@retries.post(
    "/v2/requests/{request_id}/retry",
    summary="Submit a request again",
    responses={200: {"model": Submitted}, **errors(400, 401, 403, 404, 406, 409, 429, 500, 502)},
    dependencies=[*KEY, IDEMPOTENCY_HEADER],
)
async def retry(request: Request, service: ServiceDep, request_id: RequestId) -> JsonResponse:
    """Create a request with the parameters, `custom_id` and `X-Timeout` of one that has ended.

    It costs the same, and gets the default start timeout.
    """
    origin = origin_of(request)
    key = await admit_submitter(request, service)
    idempotency_key = read_idempotency_key(request)
    record, _ = await service.reader.request(request_id, View.STATUS)
    if record is None or record.key_id != key.key_id:
        raise unknown_request(request_id)
    if idempotency_key is None:
        require_credits(key, service.settings.credit_cost)
    with submit_errors(request):
        try:
            created = await service.store_threads.run(
                service.resubmission.resubmit, request_id, idempotency_key, traceparent_of(request)
            )
        except CannotResubmit as error:
            raise cannot_retry(request_id, str(error)) from None
    note_accepted(request, created, key, record.custom_id)
    return JsonResponse(submitted_body(origin, created.request_id, record.custom_id))


@router.delete(
    "/v2/requests/{request_id}",
    summary="Delete a request",
    status_code=204,
    response_class=Response,
    responses=errors(401, 404, 409, 429, 500, 502),
    dependencies=KEY,
)
async def delete(service: ServiceDep, state: OwnedRequest) -> Response:
    """Delete its record, its picture and its inline inputs at once; 409 until it has ended."""
    request_id = state.record.request_id
    try:
        await service.store_threads.run(service.deletion.delete, request_id)
    except IllegalMove as refused:
        if refused.reason == "unfinished":
            raise not_finished(request_id) from None
        raise unknown_request(request_id) from None
    return Response(status_code=204)


router.routes.extend([*lists.routes, *retries.routes])
