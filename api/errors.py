"""The error responses of the API.

Every error is `{"error": text, "code": word}`. Clients show only `error`, so the text says what to do.
"""

from collections.abc import Mapping
from typing import Any

from api.http.refusal import RETRY_AFTER_S
from compositor.models import MODELS
from jobs.batches.scripts import OPEN_FOR_S
from jobs.keys.admission import Bucket
from jobs.keys.key_rules import Scope
from jobs.keys.rates import Rate
from jobs.lifecycle.moves import IllegalMove, QueueFull


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
    return ApiError(406, "not_enough_credits", text, {"x-remaining-credits": str(balance)})


def quota_exceeded(used: int, quota: int, ttl_s: int) -> ApiError:
    text = (
        f"upload quota exceeded: {used:,} of {quota:,} bytes are in use; uploads are kept for {ttl_s} s, so "
        "wait, or send the picture within a request"
    )
    return ApiError(413, "quota_exceeded", text)


def too_many_requests(bucket: Bucket, rate: Rate, retry_after_s: int) -> ApiError:
    text = f"too many calls: the limit ({bucket}) is {rate}; try again in {retry_after_s} s"
    return ApiError(429, "too_many_requests", text, {"Retry-After": str(retry_after_s)})


def too_many_bodies() -> ApiError:
    text = f"too many large bodies at once: try again in {RETRY_AFTER_S} s, or send URLs of the pictures"
    return ApiError(429, "busy", text, {"Retry-After": str(RETRY_AFTER_S)})


def queue_full(error: QueueFull, what: str = "the queue is full") -> ApiError:
    reason = {
        "all": f"at most {error.limit:,} requests may wait",
        "key": f"at most {error.limit:,} requests of this key may wait",
        "time": f"no more than {error.limit:,} requests can be started before their time limit",
        "events": f"at most {error.limit:,} events of this key may wait for their receivers",
    }[error.scope]
    text = f"{what}: {reason}; try again in {error.retry_after_s} s"
    return ApiError(429, "queue_full", text, {"Retry-After": str(error.retry_after_s)})


def idempotency_conflict() -> ApiError:
    text = "this Idempotency-Key was used with another body: send the same body again, or use a new key"
    return ApiError(409, "idempotency_conflict", text)


def body_too_large(max_bytes: int) -> ApiError:
    text = (
        f"the body is too large, at most {max_bytes:,} bytes are allowed: send URLs of the pictures instead"
    )
    return ApiError(413, "body_too_large", text)


def line_too_long(number: int, max_bytes: int) -> ApiError:
    text = f"line {number} is too long, at most {max_bytes:,} bytes are allowed: send URLs of the pictures"
    return ApiError(413, "body_too_large", text)


def unsupported_encoding(coding: str) -> ApiError:
    text = (
        f"a body with Content-Encoding: {coding} is not decoded here: send it as it is, without that header; "
        "large pictures better by their URLs"
    )
    return ApiError(415, "unsupported_encoding", text, {"Accept-Encoding": "identity"})


def unknown_model() -> ApiError:
    known = ", ".join(f"/v2/{model}" for model in MODELS)
    return ApiError(404, "unknown_model", f"no such model; known are {known}")


def unknown_request(request_id: str) -> ApiError:
    text = "no such request: it never existed or has expired"
    return ApiError(404, "not_found", text, request_id=request_id)


def no_picture(**more: Any) -> ApiError:
    """404: the picture does not exist, has expired, or was removed from the store."""
    return ApiError(404, "not_found", "no such picture: it never existed or has expired", **more)


def no_event(request_id: str) -> ApiError:
    text = "this request has no event: it has no webhook for how it ended, never existed, or has expired"
    return ApiError(404, "not_found", text, request_id=request_id)


def no_event_yet(request_id: str) -> ApiError:
    text = "the request has not ended: its event is sent as soon as it has"
    return ApiError(409, "not_finished", text, request_id=request_id)


def refused_move(error: IllegalMove) -> ApiError:
    match error.reason:
        case "revoked" | "exists":  # the key was revoked after it was admitted
            return invalid_key()
        case "terminal":
            text = "the request has ended already and was not changed: read its status or its result"
            return ApiError(409, "already_finished", text, request_id=error.request_id)
        case "unfinished":
            text = "the request has not ended and was not deleted: cancel it first, or wait for its end"
            return ApiError(409, "not_finished", text, request_id=error.request_id)
        case _:
            return unknown_request(error.request_id)


def unknown_batch(batch_id: str) -> ApiError:
    return ApiError(404, "not_found", "no such batch: it never existed or has expired", batch_id=batch_id)


def slow_batch() -> ApiError:
    text = f"the batch was not complete within {OPEN_FOR_S} s; nothing was accepted, send a smaller batch"
    return ApiError(400, "slow_body", text)
