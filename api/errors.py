"""The error responses of the API, and the handlers that turn exceptions into them.

Every error is `{"error": text, "code": word}`. Clients show only `error`, so the text says what to do.
An internal error is logged with its traceback; its response does not reveal it.
"""

import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi import FastAPI, Request
from obstore.exceptions import BaseError as StoreError
from redis import RedisError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Match, Route

from api.http.refusal import RETRY_AFTER_S
from api.http.responses import JsonResponse
from compositor.models import MODELS
from jobs.keys.admission import Bucket
from jobs.keys.api_keys import CreditsRefused, UnknownKey
from jobs.keys.key_rules import Scope
from jobs.keys.rates import Rate
from jobs.lifecycle.moves import QueueFull
from jobs.pictures.store import PictureGone
from jobs.webhooks.secrets import OFF, WebhooksOff
from telemetry.log_context import bound_contextvars

log = logging.getLogger("superimpose.api")

LOGGED = "superimpose_logged"
"""Attribute of a logged exception: each layer that an unhandled exception passes would log it again."""


class ApiError(Exception):
    """An error response; `more` are additional fields of its body."""

    def __init__(
        self, status: int, code: str, error: str, headers: Mapping[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(error)
        self.status = status
        self.headers = headers
        self.body = {"error": error, "code": code, **more}


def missing_key() -> ApiError:
    return ApiError(401, "missing_key", "no API key: send it as the header x-api-key")


def invalid_key() -> ApiError:
    text = "this API key is not valid: it is unknown, has expired or was revoked"
    return ApiError(401, "invalid_key", text)


def missing_scope(scope: Scope) -> ApiError:
    text = f"this API key may not do this: it does not have the scope {scope}; ask for a key that has it"
    return ApiError(403, "missing_scope", text)


def not_admin() -> ApiError:
    return ApiError(403, "missing_scope", "this needs the admin key; a client's key may not do it")


def not_enough_credits(balance: int, needed: int) -> ApiError:
    text = f"not enough credits: this needs {needed} and the key has {balance}; ask for more"
    return ApiError(406, "not_enough_credits", text)


def quota_exceeded(used: int, quota: int, ttl_s: int) -> ApiError:
    text = (
        f"upload quota exceeded: {used:,} of {quota:,} bytes are in use; uploads are kept for {ttl_s} s, so "
        "wait, or send the picture within a request"
    )
    return ApiError(413, "quota_exceeded", text)


def too_many_requests(bucket: Bucket, rate: Rate, retry_after_s: int) -> ApiError:
    text = f"too many calls: the limit ({bucket}) is {rate}; try again in {retry_after_s} s"
    return ApiError(429, "too_many_requests", text, {"Retry-After": str(retry_after_s)})


def queue_full(error: QueueFull, what: str = "the queue is full") -> ApiError:
    reason = {
        "all": f"at most {error.limit:,} requests may wait",
        "key": f"at most {error.limit:,} requests of this key may wait",
        "time": f"no more than {error.limit:,} requests can be started before their time limit",
        "events": f"at most {error.limit:,} events of this key may wait for their receivers",
    }[error.scope]
    text = f"{what}: {reason}; try again in {error.retry_after_s} s"
    return ApiError(429, "queue_full", text, {"Retry-After": str(error.retry_after_s)})


def webhooks_off() -> ApiError:
    return ApiError(400, "webhooks_off", OFF)


def no_event(request_id: str) -> ApiError:
    text = "this request has no event: it has no webhook for how it ended, never existed, or has expired"
    return ApiError(404, "not_found", text, request_id=request_id)


def no_event_yet(request_id: str) -> ApiError:
    text = "the request has not ended: its event is sent as soon as it has"
    return ApiError(409, "not_finished", text, request_id=request_id)


def idempotency_conflict() -> ApiError:
    text = "this Idempotency-Key was used with another body: send the same body again, or use a new key"
    return ApiError(409, "idempotency_conflict", text)


def body_too_large(max_bytes: int) -> ApiError:
    text = (
        f"the body is too large, at most {max_bytes:,} bytes are allowed: send URLs of the pictures instead"
    )
    return ApiError(413, "body_too_large", text)


def unsupported_encoding(coding: str) -> ApiError:
    text = (
        f"a body with Content-Encoding: {coding} is not decoded here: send it as it is, without that header; "
        "large pictures better by their URLs"
    )
    return ApiError(415, "unsupported_encoding", text, {"Accept-Encoding": "identity"})


def unknown_request(request_id: str) -> ApiError:
    return ApiError(
        404, "not_found", "no such request: it never existed or has expired", request_id=request_id
    )


def already_finished(request_id: str) -> ApiError:
    text = "the request has ended already and was not changed: read its status or its result"
    return ApiError(409, "already_finished", text, request_id=request_id)


def not_finished(request_id: str) -> ApiError:
    text = "the request has not ended and was not deleted: cancel it first, or wait for its end"
    return ApiError(409, "not_finished", text, request_id=request_id)


def cannot_retry(request_id: str, reason: str) -> ApiError:
    return ApiError(409, "cannot_retry", reason, request_id=request_id)


def no_picture(**more: Any) -> ApiError:
    """404: the picture does not exist, has expired, or was removed from the store."""
    return ApiError(404, "not_found", "no such picture: it never existed or has expired", **more)


def unknown_model() -> ApiError:
    known = ", ".join(f"/v2/{model}" for model in MODELS)
    return ApiError(404, "unknown_model", f"no such model; known are {known}")


_MODEL_PATH = re.compile("/v[12]/[^/]+|/v2/[^/]+/batch")
FRAMEWORK_ERRORS = {
    404: ("not_found", "no such path; the model is at /v2/superimpose{docs}"),
    405: ("method_not_allowed", "this path does not take {method}; it takes {allow}"),
}


async def _api_error(_: Request, error: ApiError) -> Response:
    return JsonResponse(error.body, error.status, headers=error.headers)


async def _picture_gone(request: Request, _: PictureGone) -> Response:
    more = _known_id(request)
    with bound_contextvars(**more):
        log.warning("%s %s: the picture is gone from the store", request.method, _route(request))
    error = no_picture(**more)
    return JsonResponse(error.body, error.status)


async def _unknown_key(_: Request, __: UnknownKey) -> Response:
    text = "no such key, or it was revoked: GET /admin/keys lists all keys"
    return JsonResponse({"error": text, "code": "not_found"}, 404)


async def _webhooks_off(request: Request, _: WebhooksOff) -> Response:
    return await _api_error(request, webhooks_off())


async def _credits_refused(_: Request, error: CreditsRefused) -> Response:
    return JsonResponse({"error": str(error), "code": "credits_refused"}, 409)


async def _framework_error(request: Request, error: HTTPException) -> Response:
    if error.status_code == 404 and request.method == "POST" and _MODEL_PATH.fullmatch(request.url.path):
        return await _api_error(request, unknown_model())
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = _methods_of_path(request)
    code, text = FRAMEWORK_ERRORS.get(error.status_code, ("http_error", error.detail))
    docs = ", the documentation at /docs" if request.app.state.service.settings.docs else ""
    text = text.format(method=request.method, allow=headers.get("Allow"), docs=docs)
    return JsonResponse({"error": text, "code": code}, error.status_code, headers=headers)


def _methods_of_path(request: Request) -> str:
    """The methods of all routes with this path; Starlette names those of the first."""
    routes = (route for route in request.app.routes if isinstance(route, Route))
    matching = (route.methods for route in routes if route.matches(request.scope)[0] is not Match.NONE)
    return ", ".join(sorted({method for methods in matching for method in methods or ()}))


async def _unreachable(request: Request, error: Exception) -> Response:
    text = f"the queue or the store cannot be reached: try again in {RETRY_AFTER_S} seconds"
    body = {"error": text, "code": "unavailable", **_logged(request, error)}
    return JsonResponse(body, 502, headers={"Retry-After": str(RETRY_AFTER_S)})


async def _disconnected(_: Request, __: ClientDisconnect) -> Response:
    return Response(status_code=400)


async def _internal(request: Request, error: Exception) -> Response:
    text = "something went wrong on our side; it has been logged, try again"
    return JsonResponse({"error": text, "code": "internal", **_logged(request, error)}, 500)


def _logged(request: Request, error: Exception) -> dict[str, str]:
    """Log `error` once, with the id of the request that it concerns; returns that id."""
    known = _known_id(request)
    if not getattr(error, LOGGED, False):
        with bound_contextvars(**known):
            request_id = known.get("request_id")
            log.error("%s %s (request %a)", request.method, _route(request), request_id, exc_info=error)
        setattr(error, LOGGED, True)
    return known


def _known_id(request: Request) -> dict[str, str]:
    """The id of the request in the path, or of the one accepted in this call."""
    request_id = request.path_params.get("request_id") or getattr(request.state, "request_id", None)
    return {"request_id": request_id} if request_id else {}


def _route(request: Request) -> str:
    """The route's template: the actual path may name a picture, or inject a log line."""
    return getattr(request.scope.get("route"), "path", "")


HANDLERS: Mapping[type[Exception], Callable[[Request, Any], Awaitable[Response]]] = {
    ApiError: _api_error,
    PictureGone: _picture_gone,
    UnknownKey: _unknown_key,
    CreditsRefused: _credits_refused,
    WebhooksOff: _webhooks_off,
    HTTPException: _framework_error,
    RedisError: _unreachable,
    StoreError: _unreachable,
    ClientDisconnect: _disconnected,
    Exception: _internal,
}


def _is_unlogged(record: logging.LogRecord) -> bool:
    return not (record.exc_info and getattr(record.exc_info[1], LOGGED, False))


def install(app: FastAPI) -> None:
    logging.getLogger("uvicorn.error").addFilter(_is_unlogged)
    for error, handler in HANDLERS.items():
        app.add_exception_handler(error, handler)
