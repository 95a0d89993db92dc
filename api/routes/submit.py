"""Submit a request: respond at once (v2), or with the picture (v1)."""

import logging

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from starlette.requests import ClientDisconnect

from api.admission import add_credits_header, admit, require_credits
from api.dependencies import KEY, ServiceDep
from api.errors import ApiError, ErrorCode
from api.http.body import reserve_memory
from api.http.responses import JsonResponse, add_response_headers
from api.http.route_classes import TracedRoute, traceparent_of
from api.openapi import EXAMPLES, describe_body
from api.routes.pictures import send_range
from api.schemas import Base64Picture, Submitted, answers, errors
from api.service import Service, origin_of
from api.status_body import read_base64, submitted_body
from api.submit_body import BODIES, read_submit_body
from api.submit_headers import SUBMIT_HEADERS, SubmitHeaders, read_submit_headers
from api.waiting.call import wait_on_request
from compositor.models import MODELS
from jobs.keys.admission import Bucket, Caller
from jobs.keys.key_rules import Scope
from jobs.lifecycle.moves import Created
from jobs.lifecycle.options import echo
from jobs.lifecycle.output import Output
from jobs.lifecycle.record import Record, View
from jobs.lifecycle.status import OUR_FAULT, TERMINAL, FailureCode
from jobs.submission import SubmitCommand
from telemetry.logs import bind_contextvars

router = APIRouter(route_class=TracedRoute, tags=["superimpose"], dependencies=KEY)
log = logging.getLogger("superimpose.api")

REFUSALS = (400, 403, 406, 409, 413, 415)


async def accept(request: Request, service: Service, origin: str, model: str) -> tuple[str, str | None]:
    """Check key, headers and body, and queue the request; returns its id and `custom_id`."""
    key, headers = await admit_submit(request, service)
    async with reserve_memory(request, service.body_memory, key.key_id):
        params, options = await read_submit_body(request, model, service.settings, origin)
        command = SubmitCommand(
            key.key_id,
            params,
            origin,
            headers.deadlines,
            headers.idempotency_key,
            headers.timeouts,
            traceparent_of(request),
            options,
        )
        in_thread = service.store_threads.run if command.is_inline else run_in_threadpool
        created = await service.submission.submit(command, in_thread)
    note_accepted(request, created, key, options.custom_id)
    return created.request_id, options.custom_id


async def admit_submit(request: Request, service: Service) -> tuple[Caller, SubmitHeaders]:
    """The caller and the headers of a submit. Raises 400, 401, 403, 406, 429."""
    key = await admit(request, service, Bucket.SUBMIT, Scope.SUPERIMPOSE)
    headers = read_submit_headers(request, service.settings)
    if headers.idempotency_key is None:  # a replay costs nothing
        require_credits(key, service.settings.credit_cost)
    return key, headers


def note_accepted(request: Request, created: Created, key: Caller, custom_id: str | None) -> None:
    request.state.request_id = created.request_id
    bind_contextvars(request_id=created.request_id, **echo(custom_id))
    announce_accepted(request, created.credits, created.replayed)
    again = ", again" if created.replayed else ""
    log.info("request %s accepted from %s%s", created.request_id, key.key_id, again)


def announce_accepted(request: Request, credits: int | None, is_replay: bool) -> None:
    add_credits_header(request, credits)
    if is_replay:
        add_response_headers(request, {"Idempotent-Replayed": "true"})


async def _await_end(request: Request, service: Service, request_id: str, origin: str) -> Record:
    """The record once its status is terminal. Raises 504 after a timeout; the request continues."""
    with wait_on_request(request, request_id, View.RESULT, ends_on_shutdown=False) as call:
        call.wake()  # the request may have ended before the watch began
        record, _ = await call.await_end(service.settings.sync_timeout_s)
    if record.status in TERMINAL:
        return record
    if call.has_disconnected:
        raise ClientDisconnect
    text = f"not finished in time; the request continues: poll {origin}/v2/requests/{request_id}"
    raise ApiError(ErrorCode.TIMEOUT, text, request_id=request_id, **echo(record.custom_id))


def _failed(record: Record) -> JsonResponse:
    code = record.code or FailureCode.INTERNAL
    status = 504 if code == FailureCode.TIMEOUT else 500 if code in OUR_FAULT else 400
    error = {"error": record.error or "", "code": code, "request_id": record.request_id}
    return JsonResponse(error | echo(record.custom_id), status)


async def _send(service: Service, record: Record, output: Output, headers: dict[str, str]) -> Response:
    if record.params.get("base64"):
        image = await read_base64(service, output)
        return JsonResponse({"image": image, **echo(record.custom_id)}, headers=headers)
    headers |= {"Content-Type": output.content_type, "Content-Length": str(output.file_size)}
    return await send_range(service.store, output.path, 0, output.file_size, 200, headers)


def _add_routes(model: str) -> None:
    body = describe_body(BODIES[model], examples=EXAMPLES[model])

    @router.post(
        f"/v2/{model}",
        summary="Overlay one picture on another",
        responses=answers(Submitted, *REFUSALS),
        openapi_extra=body,
        dependencies=SUBMIT_HEADERS,
    )
    async def submit(request: Request, service: ServiceDep) -> JsonResponse:
        """Accept a request and respond at once with the URLs to follow it."""
        origin = origin_of(request)
        request_id, custom_id = await accept(request, service, origin, model)
        return JsonResponse(submitted_body(origin, request_id, custom_id))

    @router.post(
        f"/v1/{model}",
        summary="Overlay one picture on another and wait for it",
        responses={
            200: {
                "model": Base64Picture,
                "description": "The picture, or its base64 with `base64: true`",
                "content": {"image/jpeg": {}, "image/png": {}, "image/webp": {}},
            },
            **errors(*REFUSALS, 504),
        },
        openapi_extra=body,
        dependencies=SUBMIT_HEADERS,
    )
    async def submit_and_wait(request: Request, service: ServiceDep) -> Response:
        """Submit through the same queue, and respond with the picture itself."""
        origin = origin_of(request)
        request_id, _ = await accept(request, service, origin, model)
        record = await _await_end(request, service, request_id, origin)
        if record.output is None:
            return _failed(record)
        headers = {
            "x-request-id": request_id,
            "x-generation-time": str(record.metrics["inference_time"]),
        }
        return await _send(service, record, record.output, headers)


for each in MODELS:
    _add_routes(each)
