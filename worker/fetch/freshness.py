"""What RFC 9111 allows, as hishel's state machine decides.

`Fields` are those header fields of a response that decide, by lower-case name. All our requests are alike,
so of requests nothing is kept, and of all values of `Vary` only `*` makes a difference.
"""

import uuid
from collections.abc import Mapping
from email.utils import formatdate
from http import HTTPStatus

from jobs.network.retry_after import http_date
from telemetry.imports import as_if_not_installed

with as_if_not_installed("redis"):  # for a storage that we do not use, in the process that decodes
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
Question = NeedRevalidation

DECIDE = ("cache-control", "date", "expires", "etag", "last-modified", "vary")

_REQUEST = Request(method="GET", url="")


def received(headers: Mapping[str, str], now: float) -> Fields:
    """The deciding fields of an answer that came at `now`, in seconds since the epoch.

    hishel takes `Date` for the only clock, so an answer that is older (`Age`, RFC 9111 4.2.3), has no date,
    or one that is broken or of tomorrow, gets the date that says so.
    """
    fields = {name: headers[name] for name in DECIDE if name in headers and headers[name].isascii()}
    age = headers.get("age", "")
    came_from = now - (int(age[:10]) if age.isascii() and age.isdigit() else 0)
    sent = http_date(fields.get("date", ""))
    sent = now if sent is None else sent
    fields["date"] = formatdate(max(0, min(sent, came_from)), usegmt=True)
    return fields


def is_for_one(headers: Mapping[str, str]) -> bool:
    """Whether an answer is for the request alone that it answers."""
    return "set-cookie" in headers or "*" in headers.get("vary", "") or "no-store" in _directives(headers)


def serves_requests_before(fields: Fields) -> bool:
    """Whether an answer may be given to requests that had been made before its server was asked.

    RFC 9111, section 4, allows it as for requests that are collapsed; `no-cache` has each of them ask.
    """
    return not is_for_one(fields) and "no-cache" not in _directives(fields)


def _directives(headers: Mapping[str, str]) -> set[str]:
    return {each.partition("=")[0].strip() for each in headers.get("cache-control", "").lower().split(",")}


def storable(fields: Fields, *, shared: bool) -> Fields | None:
    """What to keep of a 200's fields with its body; None if that is forbidden, or would be of no use.

    `shared`: for a cache of several users. Nothing is guessed: without an `Expires` of its own hishel would
    take a picture that did not change for long to be fresh for some time more.
    """
    certain = {"expires": fields["date"], **fields}
    answer = Response(HTTPStatus.OK, headers=Headers(certain))
    verdict = CacheMiss(options=_options(shared), request=_REQUEST).next(answer)
    if not isinstance(verdict, StoreAndUse):
        return None
    question = question_about(certain, shared=shared)
    return certain if question is None or question.request.headers else None


def question_about(fields: Fields, *, shared: bool) -> Question | None:
    """What to ask the server before kept fields and their body are used; None while they are fresh."""
    kept = Entry(
        id=uuid.UUID(int=0), request=_REQUEST, response=Response(HTTPStatus.OK, headers=Headers(fields))
    )
    verdict = IdleClient(options=_options(shared)).next(_REQUEST, [kept])
    return verdict if isinstance(verdict, NeedRevalidation) else None


def renewed(question: Question, fields: Fields) -> Fields | None:
    """The kept fields after the server's 304, which had `fields`; None if it was about something else."""
    verdict = question.next(Response(HTTPStatus.NOT_MODIFIED, headers=Headers(fields)))
    if not isinstance(verdict, NeedToBeUpdated):
        return None
    return dict(verdict.updating_entries[-1].response.headers)


def _options(shared: bool) -> CacheOptions:
    return CacheOptions(shared=shared, supported_methods=["GET"])
