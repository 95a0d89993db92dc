"""What a batch's requests have become, read some at a time: lines of results, and entries of an archive."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from fastapi import Request
from pydantic_core import to_json

from api.batches.archive import AT_A_TIME, Entry
from api.routes.requests import read_base64
from api.service import Service
from api.status_body import listed_body
from jobs.batches.reading import Member
from jobs.lifecycle.ended import failed_body, result_body
from jobs.lifecycle.options import echo
from jobs.lifecycle.record import Record, View
from jobs.lifecycle.status import TERMINAL
from jobs.pictures.store import PictureGone

PAGE = 100
READ_AT_ONCE = 500
SENT_AT_ONCE = 64 * 1024  # bytes

EXPIRED = "it has expired, or was deleted"
RUNNING = "it has not ended"

Found = Sequence[tuple[Member, Record | None]]


async def all_members(service: Service, batch_id: str) -> list[Member]:
    """Read before an answer begins, so that one whose batch expires meanwhile still names all."""
    found = list[Member]()
    while page := await service.batch_reader.members(batch_id, len(found), READ_AT_ONCE):
        found += page
    return found


async def read_members(service: Service, members: Sequence[Member], view: View) -> Found:
    return list(zip(members, await service.batch_reader.records(members, view), strict=True))


def listed_member(request: Request, origin: str, member: Member, record: Record | None) -> dict[str, Any]:
    """As in the list of a key's requests."""
    return _expired(member) if record is None else listed_body(request, origin, record)


async def result_lines(service: Service, origin: str, members: Sequence[Member]) -> AsyncIterator[bytes]:
    """Those that have ended, a line of JSON each; a few pictures in base64 are in memory at most."""
    lines = bytearray()
    for start in range(0, len(members), PAGE):
        for member, record in await read_members(service, members[start : start + PAGE], View.RESULT):
            if record is None or record.status in TERMINAL:
                lines += to_json(await _ended(service, origin, member, record)) + b"\n"
            if len(lines) > SENT_AT_ONCE:
                yield bytes(lines)
                lines.clear()
    yield bytes(lines)


async def _ended(service: Service, origin: str, member: Member, record: Record | None) -> dict[str, Any]:
    if record is None:
        return _expired(member)
    if record.output is None:
        return failed_body(record)
    body = result_body(origin, record, record.output)
    if record.params.get("base64"):
        try:
            body["output"] = await read_base64(service, record.output)
        except PictureGone:
            return _expired(member)
    return body


def _expired(member: Member) -> dict[str, Any]:
    return {
        "request_id": member.request_id,
        **echo(member.custom_id),
        "error": f"{EXPIRED}: submit it again",
        "code": "expired",
    }


async def entries(service: Service, members: Sequence[Member]) -> AsyncIterator[list[Entry]]:
    """Their pictures, some at a time."""
    for start in range(0, len(members), AT_A_TIME):
        found = await read_members(service, members[start : start + AT_A_TIME], View.LISTED)
        yield [_entry(*each) for each in found]


def _entry(member: Member, record: Record | None) -> Entry:
    name = member.custom_id or member.request_id
    if record is None:
        return Entry(name, None, EXPIRED)
    return Entry(name, record.output, record.error or RUNNING)
