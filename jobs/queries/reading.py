"""What the API reads, each in one round trip to Redis."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from jobs import keyspace
from jobs.config.settings import Settings
from jobs.keys.admission import Admission, Call, render_script
from jobs.lifecycle.record import FIELDS, READ, Record, View
from jobs.redis.batched_script import BatchedScript
from jobs.redis.hashes import RedisHash, as_text
from jobs.redis.oom_exempt import NO_WRITES, OOM_EXEMPT

_SEEN = READ + Path(__file__).with_name("seen.lua").read_text()


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
    """Admits calls and reads records and pictures; raises `redis.RedisError` when Redis is away."""

    def __init__(self, redis: Redis, settings: Settings) -> None:
        seen = keyspace.script(_SEEN, FIELDS=FIELDS)
        admission, uncounted = render_script(settings), render_script(settings, writes=False)
        self._admission = BatchedScript(redis, admission, uncounted)
        # Says, as all with flags, that it may write: a replica, which may be out of date, refuses it.
        self._seen = BatchedScript(redis, OOM_EXEMPT + seen, NO_WRITES + seen)

    async def admit(self, call: Call) -> Admission:
        """Who calls, and whether they may now."""
        admission, *_ = await self._admit(call)
        return admission

    async def admit_and_request(
        self, call: Call, request_id: str, view: View
    ) -> tuple[Admission, Record | None, int | None]:
        """A caller, this much of a request, and its place in the queue (0 = next; None once left)."""
        admission, values, position = await self._admit(call, view, request_id)
        return admission, Record.from_values(request_id, view, values), position

    async def admit_and_picture(self, call: Call, token: str) -> tuple[Admission, PublishedPicture | None]:
        """A caller and the picture published under a name; None if unknown or expired."""
        admission, words = await self._admit(call, "picture", token)
        return admission, PublishedPicture.from_hash(dict(zip(words[::2], words[1::2], strict=True)))

    async def request(self, request_id: str, view: View) -> tuple[Record | None, int | None]:
        """The same of a request whose owner was admitted before: counts as no call."""
        values, position = await self._seen.ask(f"{view} {request_id}")
        return Record.from_values(request_id, view, values), position

    async def _admit(
        self, call: Call, read: str = "", read_id: str = ""
    ) -> tuple[Admission, *tuple[Any, ...]]:
        answer = await self._admission.ask(call.line(read, read_id))
        return call.admission(answer[0]), *answer[1:]
