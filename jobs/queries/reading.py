"""The reads of the API, each in one round trip to Redis."""

from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from jobs.config.settings import Settings
from jobs.keys.admission import Admission, Call, render_script
from jobs.lifecycle.record import FIELDS, Record, View
from jobs.redis.batched_script import BatchedScript
from jobs.redis.hashes import RedisHash, as_text
from jobs.redis.script import NO_WRITES, OOM_EXEMPT, read_script


@dataclass(frozen=True)
class PublishedPicture:
    """A picture that may be fetched until `expires_at` (seconds since the epoch); `owner` is a key id."""

    path: str
    content_type: str
    file_size: int
    expires_at: float
    owner: str

    @classmethod
    def from_hash(cls, fields: RedisHash) -> "PublishedPicture | None":
        if not fields:
            return None
        text = as_text(fields)
        return cls(
            text["path"],
            text["content_type"],
            int(text["file_size"]),
            int(text["expires_at"]) / 1000,
            text["owner"],
        )


class Reader:
    """Admits calls and reads records and pictures; raises `redis.RedisError`."""

    def __init__(self, redis: Redis, settings: Settings) -> None:
        records = read_script("lifecycle/record.lua", "queries/records.lua", FIELDS=FIELDS)
        admission, uncounted = render_script(settings), render_script(settings, writes=False)
        self._admission = BatchedScript(redis, admission, uncounted)
        # Declared as a script that may write, so that a replica, which may be out of date, refuses it.
        self._records = BatchedScript(redis, OOM_EXEMPT + records, NO_WRITES + records)

    async def admit(self, call: Call) -> Admission:
        """The caller, and whether the call is within its rate limit."""
        admission, *_ = await self._admit(call)
        return admission

    async def admit_and_request(
        self, call: Call, request_id: str, view: View
    ) -> tuple[Admission, Record | None, int | None]:
        """The admission, a view of a request, and its position in the queue (0: next, None: not queued)."""
        admission, values, position = await self._admit(call, view, request_id)
        return admission, Record.from_values(request_id, view, values), position

    async def admit_and_picture(self, call: Call, token: str) -> tuple[Admission, PublishedPicture | None]:
        """The admission, and the picture with this public name; None if unknown or expired."""
        admission, words = await self._admit(call, "picture", token)
        return admission, PublishedPicture.from_hash(dict(zip(words[::2], words[1::2], strict=True)))

    async def request(self, request_id: str, view: View) -> tuple[Record | None, int | None]:
        """Record and position for a caller that was admitted before: does not count as a call."""
        values, position = await self._records.run(f"{view} {request_id}")
        return Record.from_values(request_id, view, values), position

    async def _admit(
        self, call: Call, read: str = "", read_id: str = ""
    ) -> tuple[Admission, *tuple[Any, ...]]:
        reply = await self._admission.run(call.line(read, read_id))
        return call.admission(reply[0]), *reply[1:]
