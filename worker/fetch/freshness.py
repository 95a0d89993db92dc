"""What may be cached and for how long, by RFC 9111 as hishel implements it.

`Fields` are the header fields of a response that decide this, by lower-case name. All our requests have the
same headers, so none of these are stored, and of all values of `Vary` only `*` matters.
"""

import uuid
from collections.abc import Mapping
from email.utils import formatdate
from http import HTTPStatus

from jobs.timefmt import http_date
from telemetry.imports import as_if_not_installed

with as_if_not_installed("redis"):  # for a storage that we do not use
    from hishel import (
        CacheMiss,
        CacheOptions,
        Entry,
        Headers,
        IdleClient,
        NeedRevalidation,
        NeedToBeUpdated,
        Request,
        Response,
        StoreAndUse,
    )

Fields = Mapping[str, str]
Revalidation = NeedRevalidation

DECIDING_FIELDS = ("cache-control", "date", "expires", "etag", "last-modified", "vary")

_REQUEST = Request(method="GET", url="")


def deciding_fields(headers: Mapping[str, str], now: float) -> Fields:
    """The deciding fields of a response that arrived at `now`, in seconds since the epoch.

    hishel computes the age from `Date` alone. `Date` is therefore moved back by `Age` (RFC 9111, 4.2.3), and
    set to `now` if it is missing, invalid or in the future.
    """
    fields = {name: headers[name] for name in DECIDING_FIELDS if name in headers and headers[name].isascii()}
    age = headers.get("age", "")
    generated_at = now - (int(age[:10]) if age.isascii() and age.isdigit() else 0)
    date = http_date(fields.get("date", ""))
    date = now if date is None else date
    fields["date"] = formatdate(max(0, min(date, generated_at)), usegmt=True)
    return fields


def is_single_use(headers: Mapping[str, str]) -> bool:
    """Whether a response may only be used for the request it replies to."""
    return "set-cookie" in headers or "*" in headers.get("vary", "") or "no-store" in _directives(headers)


def serves_earlier_requests(fields: Fields) -> bool:
    """Whether a response may serve requests that were accepted before it was requested.

    RFC 9111, section 4, allows this as for collapsed requests; `no-cache` forbids it.
    """
    return not is_single_use(fields) and "no-cache" not in _directives(fields)


def _directives(headers: Mapping[str, str]) -> set[str]:
    return {each.partition("=")[0].strip() for each in headers.get("cache-control", "").lower().split(",")}


def storable(fields: Fields, *, shared: bool) -> Fields | None:
    """The fields to store with the body of a 200; None if storing it is forbidden or useless.

    `shared`: for a cache of several users. `Expires` is always set, so that hishel does not apply heuristic
    freshness, by which a picture that has not changed for long counts as fresh.
    """
    explicit = {"expires": fields["date"], **fields}
    response = Response(HTTPStatus.OK, headers=Headers(explicit))
    verdict = CacheMiss(options=_options(shared), request=_REQUEST).next(response)
    if not isinstance(verdict, StoreAndUse):
        return None
    revalidation = revalidation_of(explicit, shared=shared)
    return explicit if revalidation is None or revalidation.request.headers else None


def revalidation_of(fields: Fields, *, shared: bool) -> Revalidation | None:
    """The conditional request to send before a stored response is used; None while it is fresh."""
    stored = Entry(
        id=uuid.UUID(int=0), request=_REQUEST, response=Response(HTTPStatus.OK, headers=Headers(fields))
    )
    verdict = IdleClient(options=_options(shared)).next(_REQUEST, [stored])
    return verdict if isinstance(verdict, NeedRevalidation) else None


def freshened(revalidation: Revalidation, fields: Fields) -> Fields | None:
    """The stored fields, updated by those of a 304; None if the 304 is for another response."""
    verdict = revalidation.next(Response(HTTPStatus.NOT_MODIFIED, headers=Headers(fields)))
    if not isinstance(verdict, NeedToBeUpdated):
        return None
    return dict(verdict.updating_entries[-1].response.headers)


def _options(shared: bool) -> CacheOptions:
    return CacheOptions(shared=shared, supported_methods=["GET"])
