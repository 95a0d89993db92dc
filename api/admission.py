"""Dependencies of routes: the service, the origin of its URLs, authentication and rate limits.

FastAPI resolves them for its own routes; a `PlainRoute` calls these functions itself.
"""

import hmac
from typing import Annotated, Any, NamedTuple, TypeVar

from fastapi import Depends, Path, Request, Security
from fastapi.security import APIKeyHeader, HTTPBearer
from pydantic import BaseModel

from api.errors import (
    invalid_key,
    missing_key,
    missing_scope,
    not_admin,
    not_enough_credits,
    too_many_requests,
    unknown_request,
)
from api.http.addresses import client_address
from api.http.body import read_json, validate_body
from api.http.responses import add_response_headers, limit_headers
from api.service import Service, origin_of, service_of
from jobs.keys.admission import Admission, Bucket, Call, Caller
from jobs.keys.key_rules import Scope
from jobs.keys.key_text import digest
from jobs.lifecycle.options import echo
from jobs.lifecycle.record import Record, View
from jobs.lifecycle.status import TERMINAL
from jobs.queries.reading import PublishedPicture
from jobs.timefmt import retry_after
from telemetry.log_context import bind_contextvars

BEARER = "bearer "

KEY = [
    Security(APIKeyHeader(name="x-api-key", scheme_name="x-api-key", auto_error=False)),
    Security(HTTPBearer(scheme_name="bearer", auto_error=False)),
]
"""`dependencies` of a route that needs a key, for the OpenAPI document; `presented_key` reads the key."""

RequestId = Annotated[str, Path(json_schema_extra={"format": "uuid"})]

M = TypeVar("M", bound=BaseModel)


class RequestState(NamedTuple):
    """The record of a request, and its position in the queue (0 = next; None unless QUEUED)."""

    record: Record
    position: int | None

    @property
    def has_ended(self) -> bool:
        return self.record.status in TERMINAL


async def get_service(request: Request) -> Service:
    return service_of(request)


ServiceDep = Annotated[Service, Depends(get_service)]


async def get_origin(request: Request) -> str:
    """The origin of the URLs in responses. Raises 400 for an invalid Host header."""
    return origin_of(request)


Origin = Annotated[str, Depends(get_origin)]


def json_body(model: type[M]) -> Any:
    """A dependency that reads the body as a `model`. Raises 400 with all faults, 413, 415.

    FastAPI reads a declared body before it runs any dependency, and so before the key is checked.
    """

    async def read(request: Request, service: ServiceDep) -> M:
        return validate_body(await read_json(request, service.settings.max_body_bytes), model)

    return Depends(read)


def presented_key(request: Request) -> str:
    """The key in `x-api-key` or `Authorization: Bearer`, or ""."""
    key = request.headers.get("x-api-key", "").strip()
    authorization = request.headers.get("authorization", "")
    if not key and authorization[: len(BEARER)].lower() == BEARER:
        key = authorization[len(BEARER) :].strip()
    return key


async def admit_reader(request: Request, service: ServiceDep) -> Caller:
    """Raises 401, 429."""
    return await _admit(request, service, Bucket.READ)


async def admit_lister(request: Request, service: Service) -> Caller:
    """Raises 401, 429."""
    return await _admit(request, service, Bucket.LIST)


async def admit_picture_reader(request: Request, service: Service) -> Caller | None:
    """None for a call without a key: the name of a picture is secret enough. Raises 401, 429."""
    call = _call(request, Bucket.PICTURE)
    return _optional_caller(request, call, await service.reader.admit(call))


async def admit_submitter(request: Request, service: Service) -> Caller:
    """Raises 401, 403, 429."""
    return await _admit_scope(request, service, Bucket.SUBMIT, Scope.SUPERIMPOSE)


async def admit_uploader(request: Request, service: ServiceDep) -> Caller:
    """Raises 401, 403, 429."""
    return await _admit_scope(request, service, Bucket.UPLOAD, Scope.UPLOAD)


async def admit_webhook_owner(request: Request, service: ServiceDep) -> Caller:
    """A key that manages its webhooks must be allowed to submit. Raises 401, 403, 429."""
    return await _admit_scope(request, service, Bucket.READ, Scope.SUPERIMPOSE)


async def admit_admin(request: Request, service: ServiceDep) -> None:
    presented = digest(presented_key(request))
    if not hmac.compare_digest(presented, digest(service.settings.admin_key or "")):
        await admit_reader(request, service)
        raise not_admin()


def require_credits(key: Caller, cost: int) -> None:
    """Raise 406 before the body is read. Not for a call with an idempotency key: a replay costs nothing."""
    if key.credits is not None and key.credits < cost:
        raise not_enough_credits(key.credits, cost)


async def get_owned_request(request: Request, service: ServiceDep, request_id: RequestId) -> RequestState:
    """Raises 401, 429, and 404 for the request of another key."""
    return await read_owned_request(request, service, request_id, View.STATUS)


async def read_owned_request(request: Request, service: Service, request_id: str, view: View) -> RequestState:
    """Read the fields of `view` of a request. Raises 401, 429, and 404 for the request of another key."""
    call = _call(request, Bucket.READ)
    admission, record, position = await service.reader.admit_and_request(call, request_id, view)
    caller = _admitted(request, call, admission)
    if record is None or record.key_id != caller.key_id:
        raise unknown_request(request_id)
    bind_contextvars(request_id=request_id, **echo(record.custom_id))
    return RequestState(record, position)


async def read_picture(request: Request, service: Service, token: str) -> PublishedPicture | None:
    """The picture with this name; None for a key other than its owner's. Raises 401, 429."""
    call = _call(request, Bucket.PICTURE)
    admission, published = await service.reader.admit_and_picture(call, token)
    caller = _optional_caller(request, call, admission)
    return published if published and (caller is None or published.owner == caller.key_id) else None


def add_credits_header(request: Request, credits: int | None) -> None:
    """Send the caller's balance; None: unlimited."""
    add_response_headers(request, {"x-remaining-credits": "unlimited" if credits is None else str(credits)})


Reader = Annotated[Caller, Depends(admit_reader)]
Uploader = Annotated[Caller, Depends(admit_uploader)]
WebhookOwner = Annotated[Caller, Depends(admit_webhook_owner)]
OwnedRequest = Annotated[RequestState, Depends(get_owned_request)]


async def _admit(request: Request, service: Service, bucket: Bucket) -> Caller:
    call = _call(request, bucket)
    return _admitted(request, call, await service.reader.admit(call))


async def _admit_scope(request: Request, service: Service, bucket: Bucket, scope: Scope) -> Caller:
    caller = await _admit(request, service, bucket)
    if scope not in caller.scopes:
        raise missing_scope(scope)
    return caller


def _call(request: Request, bucket: Bucket) -> Call:
    return Call(presented_key(request), client_address(request), bucket)


def _optional_caller(request: Request, call: Call, admission: Admission) -> Caller | None:
    if call.presented:
        return _admitted(request, call, admission)
    _refuse_over_limit(request, admission)
    return None


def _admitted(request: Request, call: Call, admission: Admission) -> Caller:
    _refuse_over_limit(request, admission)
    if admission.caller is None:
        raise invalid_key() if call.presented else missing_key()
    bind_contextvars(key_id=admission.caller.key_id)
    add_credits_header(request, admission.caller.credits)
    return admission.caller


def _refuse_over_limit(request: Request, admission: Admission) -> None:
    limit = admission.limit
    if limit:
        add_response_headers(request, limit_headers(limit))
        if limit.wait_s:
            raise too_many_requests(limit.bucket, limit.rate, retry_after(limit.wait_s))
