"""The error responses of the API.

Every error is `{"error": text, "code": word}`. Clients show only `error`, so the text says what to do.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Self

from compositor.models import MODELS
from jobs.batches.progress import OPEN_FOR_S
from jobs.keys.admission import Bucket
from jobs.keys.key_rules import Scope
from jobs.keys.rates import Rate
from jobs.lifecycle.moves import IllegalMove, QueueFull

RETRY_AFTER_S = 2


class ErrorCode(StrEnum):
    """The codes of error responses, each with its status. FAILED requests have a `FailureCode`."""

    status: int

    def __new__(cls, code: str, status: int) -> Self:
        member = str.__new__(cls, code)
        member._value_ = code
        member.status = status
        return member

    INVALID_PARAMETERS = "invalid_parameters", 400
    WEBHOOKS_OFF = "webhooks_off", 400
    CORS = "cors", 400
    MALFORMED_REQUEST = "malformed_request", 400
    HEADERS_TOO_LARGE = "headers_too_large", 400
    INVALID_HOST = "invalid_host", 400
    SLOW_HEADERS = "slow_headers", 400
    SLOW_BODY = "slow_body", 400
    MISSING_KEY = "missing_key", 401
    INVALID_KEY = "invalid_key", 401
    MISSING_SCOPE = "missing_scope", 403
    OTHER_ORIGIN = "other_origin", 403
    READ_ONLY = "read_only", 403
    NOT_FOUND = "not_found", 404
    UNKNOWN_MODEL = "unknown_model", 404
    METHOD_NOT_ALLOWED = "method_not_allowed", 405
    NOT_ENOUGH_CREDITS = "not_enough_credits", 406
    ALREADY_FINISHED = "already_finished", 409
    NOT_FINISHED = "not_finished", 409
    CANNOT_RETRY = "cannot_retry", 409
    IDEMPOTENCY_CONFLICT = "idempotency_conflict", 409
    CREDITS_REFUSED = "credits_refused", 409
    BODY_TOO_LARGE = "body_too_large", 413
    QUOTA_EXCEEDED = "quota_exceeded", 413
    UNSUPPORTED_ENCODING = "unsupported_encoding", 415
    RANGE = "range", 416
    TOO_MANY_REQUESTS = "too_many_requests", 429
    QUEUE_FULL = "queue_full", 429
    BUSY = "busy", 429
    INTERNAL = "internal", 500
    UNAVAILABLE = "unavailable", 502
    TIMEOUT = "timeout", 504


class ApiError(Exception):
    """An error response; `more` are additional fields of its body."""

    def __init__(
        self, code: ErrorCode, error: str, headers: Mapping[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(error)
        self.status = code.status
        self.headers = headers
        self.body = {"error": error, "code": code, **more}


def missing_key() -> ApiError:
    return ApiError(ErrorCode.MISSING_KEY, "no API key: send it as the header x-api-key")


def invalid_key() -> ApiError:
    text = "this API key is not valid: it is unknown, has expired or was revoked"
    return ApiError(ErrorCode.INVALID_KEY, text)


def missing_scope(scope: Scope) -> ApiError:
    text = f"this API key may not do this: it does not have the scope {scope}; ask for a key that has it"
    return ApiError(ErrorCode.MISSING_SCOPE, text)


def not_admin() -> ApiError:
    return ApiError(ErrorCode.MISSING_SCOPE, "this needs the admin key; a client's key may not do it")


def not_enough_credits(balance: int, needed: int) -> ApiError:
    text = f"not enough credits: this needs {needed} and the key has {balance}; ask for more"
    return ApiError(ErrorCode.NOT_ENOUGH_CREDITS, text, {"x-remaining-credits": str(balance)})


def quota_exceeded(used: int, quota: int, ttl_s: int) -> ApiError:
    text = (
        f"upload quota exceeded: {used:,} of {quota:,} bytes are in use; uploads are kept for {ttl_s} s, so "
        "wait, or send the picture within a request"
    )
    return ApiError(ErrorCode.QUOTA_EXCEEDED, text)


def too_many_requests(bucket: Bucket, rate: Rate, retry_after_s: int) -> ApiError:
    text = f"too many calls: the limit ({bucket}) is {rate}; try again in {retry_after_s} s"
    return ApiError(ErrorCode.TOO_MANY_REQUESTS, text, {"Retry-After": str(retry_after_s)})


def too_many_bodies() -> ApiError:
    text = f"too many large bodies at once: try again in {RETRY_AFTER_S} s, or send URLs of the pictures"
    return ApiError(ErrorCode.BUSY, text, {"Retry-After": str(RETRY_AFTER_S)})


def queue_full(error: QueueFull, what: str = "the queue is full") -> ApiError:
    reason = {
        "all": f"at most {error.limit:,} requests may wait",
        "key": f"at most {error.limit:,} requests of this key may wait",
        "time": f"no more than {error.limit:,} requests can be started before their time limit",
        "events": f"at most {error.limit:,} events of this key may wait for their receivers",
    }[error.scope]
    text = f"{what}: {reason}; try again in {error.retry_after_s} s"
    return ApiError(ErrorCode.QUEUE_FULL, text, {"Retry-After": str(error.retry_after_s)})


def idempotency_conflict() -> ApiError:
    text = "this Idempotency-Key was used with another body: send the same body again, or use a new key"
    return ApiError(ErrorCode.IDEMPOTENCY_CONFLICT, text)


def body_too_large(max_bytes: int) -> ApiError:
    text = (
        f"the body is too large, at most {max_bytes:,} bytes are allowed: send URLs of the pictures instead"
    )
    return ApiError(ErrorCode.BODY_TOO_LARGE, text)


def line_too_long(number: int, max_bytes: int) -> ApiError:
    text = f"line {number} is too long, at most {max_bytes:,} bytes are allowed: send URLs of the pictures"
    return ApiError(ErrorCode.BODY_TOO_LARGE, text)


def unsupported_encoding(coding: str) -> ApiError:
    text = (
        f"a body with Content-Encoding: {coding} is not decoded here: send it as it is, without that header; "
        "large pictures better by their URLs"
    )
    return ApiError(ErrorCode.UNSUPPORTED_ENCODING, text, {"Accept-Encoding": "identity"})


def unknown_model() -> ApiError:
    known = ", ".join(f"/v2/{model}" for model in MODELS)
    return ApiError(ErrorCode.UNKNOWN_MODEL, f"no such model; known are {known}")


def unknown_request(request_id: str) -> ApiError:
    text = "no such request: it never existed or has expired"
    return ApiError(ErrorCode.NOT_FOUND, text, request_id=request_id)


def no_picture(**more: Any) -> ApiError:
    """404: the picture does not exist, has expired, or was removed from the store."""
    return ApiError(ErrorCode.NOT_FOUND, "no such picture: it never existed or has expired", **more)


def no_event(request_id: str) -> ApiError:
    text = "this request has no event: it has no webhook for how it ended, never existed, or has expired"
    return ApiError(ErrorCode.NOT_FOUND, text, request_id=request_id)


def no_event_yet(request_id: str) -> ApiError:
    text = "the request has not ended: its event is sent as soon as it has"
    return ApiError(ErrorCode.NOT_FINISHED, text, request_id=request_id)


def refused_move(error: IllegalMove) -> ApiError:
    match error.reason:
        case "revoked" | "exists":  # only while creating: the key was revoked after it was admitted
            return invalid_key()
        case "terminal":
            text = "the request has ended already and was not changed: read its status or its result"
            return ApiError(ErrorCode.ALREADY_FINISHED, text, request_id=error.request_id)
        case "unfinished":
            text = "the request has not ended and was not deleted: cancel it first, or wait for its end"
            return ApiError(ErrorCode.NOT_FINISHED, text, request_id=error.request_id)
        case _:
            return unknown_request(error.request_id)


def unknown_batch(batch_id: str) -> ApiError:
    return ApiError(ErrorCode.NOT_FOUND, "no such batch: it never existed or has expired", batch_id=batch_id)


def slow_batch() -> ApiError:
    text = f"the batch was not complete within {OPEN_FOR_S} s; nothing was accepted, send a smaller batch"
    return ApiError(ErrorCode.SLOW_BODY, text)
