"""Turns exceptions into error responses, so that routes need not.

An internal error is logged with its traceback, one of the store with its reason; no response reveals it.
"""

import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from obstore.exceptions import BaseError as StoreError
from redis import RedisError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match, Route

from api import errors
from api.errors import RETRY_AFTER_S, ApiError, ErrorCode
from api.http.responses import JsonResponse
from api.http.validation import as_faults, bad_request
from api.service import service_of
from jobs.keys.api_keys import CreditsRefused, UnknownKey
from jobs.lifecycle.creation import IdempotencyConflict
from jobs.lifecycle.moves import IllegalMove, NotEnoughCredits, QueueFull
from jobs.pictures.references import InvalidPictures
from jobs.pictures.store import PictureGone, reason_of
from jobs.pictures.uploads import QuotaExceeded
from jobs.resubmission import CannotResubmit
from jobs.webhooks.deliveries import NoEvent
from jobs.webhooks.secrets import WebhooksOff
from telemetry.logs import bound_contextvars

log = logging.getLogger("superimpose.api")

LOGGED = "superimpose_logged"
"""Attribute of a logged exception: each layer that an unhandled exception passes would log it again."""

Handler = Callable[[Request, Any], Awaitable[Response]]

MODEL_PATH = re.compile("/v[12]/[^/]+|/v2/[^/]+/batch")


def _picture_gone(request: Request, _: PictureGone) -> ApiError:
    known = _known_id(request)
    with bound_contextvars(**known):
        log.warning("%s %s: the picture is gone from the store", request.method, _route(request))
    return errors.no_picture(**known)


def _quota_exceeded(request: Request, error: QuotaExceeded) -> ApiError:
    return errors.quota_exceeded(error.used, error.quota, service_of(request).settings.upload_ttl_s)


def _framework_error(request: Request, error: HTTPException) -> ApiError:
    match error.status_code:
        case 404 if request.method == "POST" and MODEL_PATH.fullmatch(request.url.path):
            return errors.unknown_model()
        case 404:
            docs = ", the documentation at /docs" if service_of(request).settings.docs else ""
            return ApiError(ErrorCode.NOT_FOUND, f"no such path; the model is at /v2/superimpose{docs}")
        case 405:
            allowed = _methods_of_path(request)
            text = f"this path does not take {request.method}; it takes {allowed}"
            return ApiError(ErrorCode.METHOD_NOT_ALLOWED, text, {"Allow": allowed})
        case _:
            return _internal(request, error)


def _methods_of_path(request: Request) -> str:
    """The methods of all routes with this path; Starlette names those of the first."""
    routes = (route for route in request.app.routes if isinstance(route, Route))
    matching = (route.methods for route in routes if route.matches(request.scope)[0] is not Match.NONE)
    return ", ".join(sorted({method for methods in matching for method in methods or ()}))


def _unreachable(request: Request, error: Exception) -> ApiError:
    text = f"the queue or the store cannot be reached: try again in {RETRY_AFTER_S} seconds"
    headers = {"Retry-After": str(RETRY_AFTER_S)}
    return ApiError(ErrorCode.UNAVAILABLE, text, headers, **_logged(request, error))


def _internal(request: Request, error: Exception) -> ApiError:
    text = "something went wrong on our side; it has been logged, try again"
    return ApiError(ErrorCode.INTERNAL, text, **_logged(request, error))


def _logged(request: Request, error: Exception) -> dict[str, Any]:
    """Log `error` once, with the id of the request that it concerns; returns that id."""
    known = _known_id(request)
    if not getattr(error, LOGGED, False):
        with bound_contextvars(**known):
            call = " ".join(
                (request.method, _route(request), *(f"(request {id!a})" for id in known.values()))
            )
            failed_store = _store_error(error)
            if failed_store:
                log.error("%s: the store failed: %s", call, reason_of(failed_store))
            else:
                log.error("%s", call, exc_info=error)
        setattr(error, LOGGED, True)
    return known


def _store_error(error: Exception) -> StoreError | None:
    """`error` or its cause, as Starlette raises another error if the store fails within a response."""
    return next((each for each in (error, error.__cause__) if isinstance(each, StoreError)), None)


def _known_id(request: Request) -> dict[str, Any]:
    request_id = request.path_params.get("request_id") or getattr(request.state, "request_id", None)
    return {"request_id": request_id} if request_id else {}


def _route(request: Request) -> str:
    """The route's template: the actual path may name a picture, or inject a log line."""
    return getattr(request.scope.get("route"), "path", "")


API_ERRORS: Mapping[type[Exception], Callable[[Request, Any], ApiError]] = {
    ApiError: lambda _, error: error,
    CannotResubmit: lambda request, error: ApiError(ErrorCode.CANNOT_RETRY, str(error), **_known_id(request)),
    CreditsRefused: lambda _, error: ApiError(ErrorCode.CREDITS_REFUSED, str(error)),
    IdempotencyConflict: lambda _, __: errors.idempotency_conflict(),
    IllegalMove: lambda _, error: errors.refused_move(error),
    InvalidPictures: lambda _, error: bad_request(*as_faults(error.faults)),
    NoEvent: lambda request, _: errors.no_event(request.path_params["request_id"]),
    NotEnoughCredits: lambda _, error: errors.not_enough_credits(error.balance, error.needed),
    PictureGone: _picture_gone,
    QueueFull: lambda _, error: errors.queue_full(error),
    QuotaExceeded: _quota_exceeded,
    UnknownKey: lambda _, __: ApiError(
        ErrorCode.NOT_FOUND, "no such key, or it was revoked: GET /admin/keys lists all keys"
    ),
    WebhooksOff: lambda _, error: ApiError(ErrorCode.WEBHOOKS_OFF, str(error)),
    HTTPException: _framework_error,
    RedisError: _unreachable,
    StoreError: _unreachable,
    Exception: _internal,
}


def _handler(as_api_error: Callable[[Request, Any], ApiError]) -> Handler:
    async def handle(request: Request, exception: Exception) -> Response:
        error = as_api_error(request, exception)
        return JsonResponse(error.body, error.status, headers=error.headers)

    return handle


async def _disconnected(_: Request, __: ClientDisconnect) -> Response:
    return Response(status_code=400)


HANDLERS: Mapping[Any, Handler] = {
    **{error: _handler(as_api_error) for error, as_api_error in API_ERRORS.items()},
    ClientDisconnect: _disconnected,
}


def _is_unlogged(record: logging.LogRecord) -> bool:
    return not (record.exc_info and getattr(record.exc_info[1], LOGGED, False))


def log_once() -> None:
    """Keep uvicorn from logging the exceptions that were logged here."""
    logging.getLogger("uvicorn.error").addFilter(_is_unlogged)
