"""Who may call: keys, scopes, rate limits, credits, and the owner of a request."""

from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import NamedTuple

from fastapi import Request

from api import errors
from api.http.responses import add_response_headers, limit_headers
from api.service import Service
from jobs.keys.admission import Admission, Bucket, Call, Caller
from jobs.keys.key_rules import Scope
from jobs.lifecycle.options import echo
from jobs.lifecycle.record import Record, View
from jobs.lifecycle.status import TERMINAL
from jobs.queries.reading import PublishedPicture
from jobs.timefmt import retry_after
from telemetry.logs import bind_contextvars

BEARER = "bearer "
IPV6_PREFIX = 64  # RFC 4291, section 2.5.1: a subscriber gets at least a /64


class RequestState(NamedTuple):
    """The record of a request, and its position in the queue (0 = next; None unless QUEUED)."""

    record: Record
    position: int | None

    @property
    def has_ended(self) -> bool:
        return self.record.status in TERMINAL


def presented_key(request: Request) -> str:
    """The key in `x-api-key` or `Authorization: Bearer`, or ""."""
    key = request.headers.get("x-api-key", "").strip()
    authorization = request.headers.get("authorization", "")
    if not key and authorization[: len(BEARER)].lower() == BEARER:
        key = authorization[len(BEARER) :].strip()
    return key


def client_address(request: Request) -> str:
    """The peer's IPv4 address, or the /64 network of its IPv6 address; "local" over a Unix socket.

    X-Forwarded-For is read only from `Settings.trusted_proxies`. If it names something other than an address,
    the result is "unknown".
    """
    return "local" if request.client is None else _address_or_network(request.client.host)


@lru_cache(maxsize=1024)
def _address_or_network(host: str) -> str:
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return "unknown"
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(IPv6Network((address, IPV6_PREFIX), strict=False))


async def admit(request: Request, service: Service, bucket: Bucket, scope: Scope | None = None) -> Caller:
    """The caller, who has `scope`. Raises 401, 403, 429."""
    call = _call(request, bucket)
    caller = _required(_caller(request, call, await service.reader.admit(call)))
    if scope is not None and scope not in caller.scopes:
        raise errors.missing_scope(scope)
    return caller


async def admit_picture_reader(request: Request, service: Service) -> Caller | None:
    """None for a call without a key: the name of a picture is secret enough. Raises 401, 429."""
    call = _call(request, Bucket.PICTURE)
    return _caller(request, call, await service.reader.admit(call))


def require_credits(key: Caller, cost: int) -> None:
    """Raise 406 before the body is read. Not for a call with an idempotency key: a replay costs nothing."""
    if key.credits is not None and key.credits < cost:
        raise errors.not_enough_credits(key.credits, cost)


async def read_owned_request(
    request: Request, service: Service, request_id: str, view: View = View.STATUS
) -> RequestState:
    """Read the fields of `view` of a request. Raises 401, 429, and 404 for the request of another key."""
    call = _call(request, Bucket.READ)
    admission, record, position = await service.reader.admit_and_request(call, request_id, view)
    caller = _required(_caller(request, call, admission))
    if record is None or record.key_id != caller.key_id:
        raise errors.unknown_request(request_id)
    bind_contextvars(request_id=request_id, **echo(record.custom_id))
    return RequestState(record, position)


async def read_picture(request: Request, service: Service, token: str) -> PublishedPicture | None:
    """The picture with this name; None for a key other than its owner's. Raises 401, 429."""
    call = _call(request, Bucket.PICTURE)
    admission, published = await service.reader.admit_and_picture(call, token)
    caller = _caller(request, call, admission)
    return published if published and (caller is None or published.owner == caller.key_id) else None


def add_credits_header(request: Request, credits: int | None) -> None:
    """Send the caller's balance; None: unlimited."""
    add_response_headers(request, {"x-remaining-credits": "unlimited" if credits is None else str(credits)})


def _call(request: Request, bucket: Bucket) -> Call:
    return Call(presented_key(request), client_address(request), bucket)


def _caller(request: Request, call: Call, admission: Admission) -> Caller | None:
    """None for a call without a key. Raises 401 for an invalid key, 429."""
    if limit := admission.limit:
        add_response_headers(request, limit_headers(limit))
        if limit.wait_s:
            raise errors.too_many_requests(limit.bucket, limit.rate, retry_after(limit.wait_s))
    if not call.presented:
        return None
    if admission.caller is None:
        raise errors.invalid_key()
    bind_contextvars(key_id=admission.caller.key_id)
    add_credits_header(request, admission.caller.credits)
    return admission.caller


def _required(caller: Caller | None) -> Caller:
    if caller is None:
        raise errors.missing_key()
    return caller
