"""The requests of a batch, read page by page: for lists, result lines and the entries of an archive."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from fastapi import Request
from pydantic_core import to_json

from api.batches.archive import AT_A_TIME, Entry
from api.service import Service
from api.status_body import listed_body, read_base64
from jobs.batches.reading import BatchReader, Member
from jobs.lifecycle.options import echo
from jobs.lifecycle.record import Record, View
from jobs.lifecycle.status import TERMINAL
from jobs.pictures.store import PictureGone
from jobs.webhooks.body import failed_body, result_body

PAGE = 100
READ_AT_ONCE = 500
SENT_AT_ONCE = 64 * 1024  # bytes

EXPIRED = "it has expired, or was deleted"
RUNNING = "it has not ended"

MembersWithRecords = Sequence[tuple[Member, Record | None]]


async def all_members(reader: BatchReader, batch_id: str) -> list[Member]:
    """For a streamed response, which is complete even if the batch expires while it is sent."""
    members = list[Member]()
    while page := await reader.members(batch_id, len(members), READ_AT_ONCE):
        members += page
    return members


async def read_members(reader: BatchReader, members: Sequence[Member], view: View) -> MembersWithRecords:
    return list(zip(members, await reader.records(members, view), strict=True))


def listed_member(request: Request, origin: str, member: Member, record: Record | None) -> dict[str, Any]:
    return _expired(member) if record is None else listed_body(request, origin, record)


async def result_lines(service: Service, origin: str, members: Sequence[Member]) -> AsyncIterator[bytes]:
    """A line of JSON for each request that has ended. Few base64 pictures are in memory at once."""
    lines, reader = bytearray(), service.batch_reader
    for start in range(0, len(members), PAGE):
        for member, record in await read_members(reader, members[start : start + PAGE], View.RESULT):
            if record is None or record.status in TERMINAL:
                lines += to_json(await _result(service, origin, member, record)) + b"\n"
            if len(lines) > SENT_AT_ONCE:
                yield bytes(lines)
                lines.clear()
    yield bytes(lines)


async def _result(service: Service, origin: str, member: Member, record: Record | None) -> dict[str, Any]:
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


async def entries(reader: BatchReader, members: Sequence[Member]) -> AsyncIterator[list[Entry]]:
    for start in range(0, len(members), AT_A_TIME):
        page = await read_members(reader, members[start : start + AT_A_TIME], View.LISTED)
        yield [_entry(*each) for each in page]


def _entry(member: Member, record: Record | None) -> Entry:
    name = member.custom_id or member.request_id
    if record is None:
        return Entry(name, None, EXPIRED)
    return Entry(name, record.output, record.error or RUNNING)
