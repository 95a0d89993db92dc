"""Batches: many requests in one call, with common status, results and cancellation."""

from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from redis import RedisError

from api import openapi
from api.admission import admit, admit_picture_reader
from api.batches import schemas
from api.batches.archive import zip_pictures
from api.batches.body import NDJSON
from api.batches.intake import accept_batch
from api.batches.members import all_members, entries, listed_member, read_members, result_lines
from api.dependencies import KEY, RecordId, ServiceDep
from api.errors import ApiError, ErrorCode, unknown_batch
from api.http.responses import JsonResponse
from api.http.route_classes import PlainRoute, TracedRoute
from api.http.validation import Before, Limit, read_query
from api.openapi import describe_body
from api.routes.submit import REFUSALS
from api.schemas import answers, errors
from api.service import Service, origin_of
from api.submit_headers import SUBMIT_HEADERS
from api.waiting.call import WAIT, wait_on
from compositor.models import MODELS
from jobs.batches.record import BatchRecord
from jobs.keys.admission import Bucket, Caller
from jobs.lifecycle.moves import IllegalMove
from jobs.lifecycle.record import View
from jobs.webhooks.body import batch_body
from telemetry.logs import bind_contextvars

router = APIRouter(route_class=PlainRoute, tags=["batches"], dependencies=KEY)
submits = APIRouter(route_class=TracedRoute, tags=["batches"], dependencies=KEY)


class BatchQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    limit: Limit = 20
    before: Before = None


class MemberQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    offset: Annotated[int, Field(ge=0, le=2**31, description="Number of requests to skip.")] = 0
    limit: Limit = 50


@router.get(
    "/v2/batches",
    summary="Batches of this key",
    responses=answers(schemas.BatchList, 400),
    dependencies=[openapi.query(BatchQuery)],
)
async def list_batches(request: Request, service: ServiceDep) -> JsonResponse:
    """Batches that have not expired, newest first."""
    key = await admit(request, service, Bucket.LIST)
    query = read_query(request, BatchQuery)
    origin = origin_of(request)
    before = None if query.before is None else int(query.before)
    page = await service.batch_reader.page(key.key_id, query.limit, before)
    shown = [batch_body(origin, batch) for batch in page.batches]
    return JsonResponse({"batches": shown, "next": None if page.next is None else str(page.next)})


@router.get(
    "/v2/batches/{batch_id}",
    summary="Status of a batch",
    responses=answers(schemas.Batch, 400, 404),
    dependencies=[WAIT],
)
async def show_batch(request: Request, service: ServiceDep, batch_id: RecordId) -> JsonResponse:
    """The number of its requests by status. COMPLETED once all have ended, also if some FAILED."""
    origin = origin_of(request)
    key = await admit(request, service, Bucket.READ)

    async def read() -> BatchRecord:
        return await _owned(service, key, batch_id)

    with wait_on(request, batch_id, read) as call:
        batch = await call.poll(await read())
    return JsonResponse(batch_body(origin, batch))


@router.get(
    "/v2/batches/{batch_id}/requests",
    summary="Requests of a batch",
    responses=answers(schemas.BatchRequests, 400, 404),
    dependencies=[openapi.query(MemberQuery)],
)
async def list_requests(request: Request, service: ServiceDep, batch_id: RecordId) -> JsonResponse:
    """In the order they were sent, each as in the list of the key's own requests."""
    batch = await _owned(service, await admit(request, service, Bucket.LIST), batch_id)
    query = read_query(request, MemberQuery)
    origin = origin_of(request)
    members = await service.batch_reader.members(batch_id, query.offset, query.limit)
    page = await read_members(service.batch_reader, members, View.LISTED)
    shown = [listed_member(request, origin, *each) for each in page]
    return JsonResponse({"requests": shown, "total": batch.total})


@router.get(
    "/v2/batches/{batch_id}/results",
    summary="Results of a batch",
    responses={**schemas.RESULTS, **errors(400, 404)},
    response_class=Response,
)
async def stream_results(request: Request, service: ServiceDep, batch_id: RecordId) -> Response:
    """NDJSON: a line for each request that has ended, with its result, or its status if it FAILED."""
    await _owned(service, await admit(request, service, Bucket.LIST), batch_id)
    lines = result_lines(service, origin_of(request), await all_members(service.batch_reader, batch_id))
    return StreamingResponse(lines, media_type="application/x-ndjson")


@router.post(
    "/v2/batches/{batch_id}/cancel",
    summary="Cancel a batch",
    responses=answers(schemas.Batch, 400, 404, 409),
)
async def cancel_batch(request: Request, service: ServiceDep, batch_id: RecordId) -> JsonResponse:
    """End its QUEUED requests as FAILED `cancelled`; those that are PROCESSING continue."""
    origin = origin_of(request)
    key = await admit(request, service, Bucket.READ)
    await _owned(service, key, batch_id)
    try:
        await run_in_threadpool(service.batch_progress.cancel, batch_id)
    except IllegalMove as refused:
        if refused.reason != "terminal":
            raise unknown_batch(batch_id) from None
        text = "the batch has ended already and was not changed: read its results"
        raise ApiError(ErrorCode.ALREADY_FINISHED, text, batch_id=batch_id) from None
    return JsonResponse(batch_body(origin, await _owned(service, key, batch_id)))


@router.head("/archives/{name}", include_in_schema=False)
@router.get(
    "/archives/{name}",
    summary="All pictures of a batch",
    responses={**schemas.ARCHIVE, **errors(404)},
    response_class=Response,
    openapi_extra={"security": [{}]},  # the key is optional
)
async def send_archive(request: Request, service: ServiceDep, name: str) -> Response:
    """A ZIP of the pictures available now, named by `custom_id`; `missing.txt` in it lists the others.

    Needs no key, as the name cannot be guessed. With the key of another owner the response is 404.
    """
    key = await admit_picture_reader(request, service)
    batch = await service.batch_reader.of_archive(name.partition(".")[0])
    if batch is None or (key and batch.key_id != key.key_id):
        raise ApiError(ErrorCode.NOT_FOUND, "no such archive: its batch never existed or has expired")
    headers = {
        "Content-Disposition": f'attachment; filename="{batch.batch_id}.zip"',
        "Cache-Control": "private, no-store",
    }
    if request.method == "HEAD":
        return Response(headers=headers, media_type="application/zip")
    members = await all_members(service.batch_reader, batch.batch_id)
    pages = entries(service.batch_reader, members)
    chunks = zip_pictures(service.store.get_range_async, pages, batch.created_at)
    return StreamingResponse(chunks, headers=headers, media_type="application/zip")


async def _owned(service: Service, key: Caller, batch_id: str) -> BatchRecord:
    """Raises 404, also for a batch of another key."""
    batch = await service.batch_reader.batch(batch_id)
    if batch is None or batch.key_id != key.key_id:
        raise unknown_batch(batch_id)
    bind_contextvars(batch_id=batch_id)
    return batch


def _add_route(model: str) -> None:
    lines = {NDJSON: {"schema": {"type": "string"}, "example": schemas.EXAMPLE_LINES}}
    body = describe_body(schemas.BATCH_BODIES[model], lines, examples={"logo": schemas.EXAMPLE})

    @submits.post(
        f"/v2/{model}/batch",
        summary="Submit many requests at once",
        responses=answers(schemas.Batch, *REFUSALS),
        openapi_extra=body,
        dependencies=SUBMIT_HEADERS,
    )
    async def submit_batch(request: Request, service: ServiceDep) -> JsonResponse:
        """Accept all requests or none, and respond at once with the URLs to follow them.

        JSON, or NDJSON: one request per line, optionally after a line with `defaults` and `webhook_url`.
        """
        origin = origin_of(request)
        created = await accept_batch(request, service, origin, model)
        try:
            batch = await service.batch_reader.batch(created.batch_id)
        except RedisError:
            if created.record is None:
                raise
            batch = created.record  # the batch was accepted, which an error response would hide
        if batch is None:
            raise unknown_batch(created.batch_id)
        return JsonResponse(batch_body(origin, batch))


for each in MODELS:
    _add_route(each)
router.routes.extend(submits.routes)
