"""Submitting a request: at once (v2), or waiting for its picture (v1)."""

import logging

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from starlette.requests import ClientDisconnect

from api.access import refuse_unless_paid, show_credits, submitter
from api.errors import ApiError, idempotency_conflict, invalid_key, not_enough_credits, queue_full
from api.http.body import bad_request, fault, read_parameters, room_for_body
from api.http.headers import add_to_answer
from api.http.json_response import JsonResponse
from api.http.traced import TracedRoute, traceparent_of
from api.openapi import BODY, KEY
from api.routes.pictures import stored
from api.routes.requests import picture_base64
from api.schemas import Submitted, answers
from api.service import origin_of, service_of
from api.status_body import urls
from api.submit_headers import SUBMIT_HEADERS, read_submit_headers
from api.waiting.call import waiting
from jobs.keys.admission import Caller
from jobs.lifecycle.idempotency import IdempotencyConflict
from jobs.lifecycle.moves import Created, IllegalMove, NotEnoughCredits, QueueFull
from jobs.lifecycle.output import Output
from jobs.lifecycle.record import Record, View
from jobs.lifecycle.status import OUR_FAULT, TERMINAL, FailureCode
from jobs.submission import InvalidPictures, SubmitCommand
from telemetry.log_context import bind_contextvars

router = APIRouter(route_class=TracedRoute, tags=["superimpose"])
log = logging.getLogger("superimpose.api")


@router.post(
    "/v2/superimpose",
    summary="Overlay one picture on another",
    responses={200: {"model": Submitted}, **answers(400, 401, 403, 406, 409, 413, 415, 429, 500, 502)},
    openapi_extra=KEY | BODY | SUBMIT_HEADERS,
)
async def submit(request: Request) -> JsonResponse:
    """Accept a request and answer at once with the URLs to follow it."""
    request_id = await accept(request)
    origin = origin_of(request)
    return JsonResponse(
        {
            "request_id": request_id,
            "status": "QUEUED",
            **urls(origin, request_id),
            "poll_url": f"{origin}/v1/requests/{request_id}",
            "cancel_url": f"{origin}/v2/requests/{request_id}/cancel",
        }
    )


@router.post(
    "/v1/superimpose",
    summary="Overlay one picture on another and wait for it",
    responses={
        200: {"description": "The picture", "content": {"image/jpeg": {}, "image/png": {}, "image/webp": {}}},
        **answers(400, 401, 403, 406, 409, 413, 415, 429, 500, 502, 504),
    },
    openapi_extra=KEY | BODY | SUBMIT_HEADERS,
)
async def submit_and_wait(request: Request) -> Response:
    """The same through the same queue, answered with the picture itself."""
    request_id = await accept(request)
    record = await finished(request, request_id)
    if record.output is None:
        raise _failed(record)
    headers = {
        "x-request-id": request_id,
        "x-generation-time": str(record.metrics["inference_time"]),
    }
    return await _picture(request, record, record.output, headers)


async def accept(request: Request) -> str:
    """Check key, headers and body, and put the request in the queue; returns its id."""
    key = await submitter(request)
    async with room_for_body(request, key.key_id):
        accepted = await _accepted(request, key)
    request.state.request_id = accepted.request_id
    bind_contextvars(request_id=accepted.request_id)
    show_credits(request, accepted.credits)
    if accepted.replayed:
        add_to_answer(request, {"Idempotent-Replayed": "true"})
    again = ", again" if accepted.replayed else ""
    log.info("request %s accepted from %s%s", accepted.request_id, key.key_id, again)
    return accepted.request_id


async def _accepted(request: Request, key: Caller) -> Created:
    service = service_of(request)
    headers = read_submit_headers(request, service.settings)
    if headers.idempotency_key is None:
        refuse_unless_paid(request, key)
    params = await read_parameters(request)
    command = SubmitCommand(
        key.key_id,
        params,
        origin_of(request),
        headers.deadlines,
        headers.idempotency_key,
        headers.timeouts,
        traceparent_of(request) or None,
    )
    try:
        run = service.store_threads.run if command.is_inline else run_in_threadpool
        return await run(service.submission.submit, command)
    except InvalidPictures as error:
        raise bad_request([fault(name, text) for name, text in error.faults.items()]) from None
    except NotEnoughCredits as error:
        show_credits(request, error.balance)
        raise not_enough_credits(error.balance, error.needed) from None
    except QueueFull as error:
        raise queue_full(error) from None
    except IdempotencyConflict:
        raise idempotency_conflict() from None
    except IllegalMove:
        raise invalid_key() from None  # revoked since it was admitted


async def finished(request: Request, request_id: str) -> Record:
    """The record once it is terminal. Raises 504 when that takes too long; the request goes on."""
    with waiting(request, request_id, View.RESULT, can_be_repeated=False) as call:
        call.wake()  # it may have ended before it was watched
        record, _ = await call.ended(service_of(request).settings.sync_timeout_s)
    if record.status in TERMINAL:
        return record
    if call.client_gone:
        raise ClientDisconnect
    text = f"not finished in time; the request goes on: poll {origin_of(request)}/v2/requests/{request_id}"
    raise ApiError(504, "timeout", text, request_id=request_id)


def _failed(record: Record) -> ApiError:
    code = record.code or FailureCode.INTERNAL
    status = 504 if code == FailureCode.TIMEOUT else 500 if code in OUR_FAULT else 400
    return ApiError(status, code, record.error or "", request_id=record.request_id)


async def _picture(request: Request, record: Record, output: Output, headers: dict[str, str]) -> Response:
    if record.params.get("base64"):
        return JsonResponse({"image": await picture_base64(request, output)}, headers=headers)
    whole = {**headers, "Content-Type": output.content_type, "Content-Length": str(output.file_size)}
    return await stored(service_of(request).store, output.path, 0, output.file_size, 200, whole)
