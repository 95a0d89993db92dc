"""Who calls: the key they present, how often they may, and what it lets them see."""

import hmac
from typing import NamedTuple

from fastapi import Request

from api.errors import (
    invalid_key,
    missing_key,
    missing_scope,
    not_admin,
    not_enough_credits,
    too_many_requests,
    unknown_request,
)
from api.http.client import client_address
from api.http.headers import add_to_answer
from api.limit_headers import limit_headers
from api.service import service_of
from jobs.keys.admission import Admission, Bucket, Call, Caller
from jobs.keys.key_rules import Scope
from jobs.keys.key_text import digest
from jobs.lifecycle.record import Record, View
from jobs.queries.reading import PublishedPicture
from jobs.timefmt import retry_after
from telemetry.log_context import bind_contextvars

BEARER = "bearer "


class Seen(NamedTuple):
    """A request as its owner sees it; `position` is its place in the queue, 0 = next."""

    record: Record
    position: int | None


def presented_key(request: Request) -> str:
    """The text of the key in `x-api-key` or `Authorization: Bearer`; "" without one."""
    key = request.headers.get("x-api-key", "").strip()
    authorization = request.headers.get("authorization", "")
    if not key and authorization[: len(BEARER)].lower() == BEARER:
        key = authorization[len(BEARER) :].strip()
    return key


async def caller(request: Request) -> Caller:
    """The valid key of a reading call. Raises 401, 429."""
    call = _call(request, Bucket.READ)
    return _admitted(request, call, await service_of(request).reader.admit(call))


async def submitter(request: Request) -> Caller:
    """The valid key of a submit, which may make one. Raises 401, 403, 429."""
    return await _allowed(request, Bucket.SUBMIT, Scope.SUPERIMPOSE)


def refuse_unless_paid(request: Request, key: Caller) -> None:
    """Raise 406 before a body is read that cannot be paid for; what was paid for may come again."""
    cost = service_of(request).settings.credit_cost
    if key.credits is not None and key.credits < cost:
        raise not_enough_credits(key.credits, cost)


async def uploader(request: Request) -> Caller:
    """The valid key of an upload, which may make one. Raises 401, 403, 429."""
    return await _allowed(request, Bucket.UPLOAD, Scope.UPLOAD)


async def administrator(request: Request) -> None:
    """Nothing, for the admin key. Raises 401, 429, or 403 for keys of clients."""
    presented = digest(presented_key(request))
    if not hmac.compare_digest(presented, digest(service_of(request).settings.admin_key or "")):
        await caller(request)
        raise not_admin()


async def owned_request(request: Request, view: View = View.STATUS) -> Seen:
    """The request in the path, for its owner: of its record as much as `view` says.

    Raises 401, 429, or 404 for anybody else's.
    """
    request_id: str = request.path_params["request_id"]
    call = _call(request, Bucket.READ)
    reader = service_of(request).reader
    admission, record, position = await reader.admit_and_request(call, request_id, view)
    found = _admitted(request, call, admission)
    if record is None or record.key_id != found.key_id:
        raise unknown_request(request_id)
    bind_contextvars(request_id=request_id)
    return Seen(record, position)


async def visible_picture(request: Request, token: str) -> PublishedPicture | None:
    """The picture of this name; None for a caller with another key than its owner's. Raises 401, 429."""
    call = _call(request, Bucket.PICTURE)
    admission, published = await service_of(request).reader.admit_and_picture(call, token)
    if not call.presented:
        _refuse_over_limit(request, admission)
        return published
    found = _admitted(request, call, admission)
    return published if published and published.owner == found.key_id else None


def show_credits(request: Request, credits: int | None) -> None:
    """Say in the answer's headers what the caller has left; None: unlimited."""
    add_to_answer(request, {"x-remaining-credits": "unlimited" if credits is None else str(credits)})


async def _allowed(request: Request, bucket: Bucket, scope: Scope) -> Caller:
    call = _call(request, bucket)
    found = _admitted(request, call, await service_of(request).reader.admit(call))
    if scope not in found.scopes:
        raise missing_scope(scope)
    return found


def _call(request: Request, bucket: Bucket) -> Call:
    return Call(presented_key(request), client_address(request), bucket)


def _admitted(request: Request, call: Call, admission: Admission) -> Caller:
    _refuse_over_limit(request, admission)
    if admission.caller is None:
        raise invalid_key() if call.presented else missing_key()
    bind_contextvars(key_id=admission.caller.key_id)
    show_credits(request, admission.caller.credits)
    return admission.caller


def _refuse_over_limit(request: Request, admission: Admission) -> None:
    limit = admission.limit
    if limit:
        add_to_answer(request, limit_headers(limit))
        if limit.wait_s:
            raise too_many_requests(limit.bucket, limit.rate, retry_after(limit.wait_s))
