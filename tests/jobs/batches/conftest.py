"""Batches as the API opens them, without HTTP."""

import asyncio
import base64
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from jobs.batches.opening import STAGE_MAX_REQUESTS, Batches, CreatedBatch, OpenBatch, SubmittedRequest
from jobs.batches.progress import script
from jobs.batches.reading import BatchReader
from jobs.batches.record import BatchRecord
from jobs.config.settings import Settings
from jobs.lifecycle.creation import Deadlines, common_args
from jobs.lifecycle.options import RequestOptions
from jobs.pictures.inputs import sample_bytes
from jobs.pictures.store import PictureStore, new_token
from jobs.redis.connection import connect_async
from jobs.redis.script import Script
from jobs.submission import BatchCommand
from tests.asking import HERE, SAMPLES

LOGO = sample_bytes("logo.png") or b""
INLINE = base64.b64encode(LOGO).decode()

MORE_THAN_A_CALL = STAGE_MAX_REQUESTS + 10


def stored(settings: Settings) -> list[Path]:
    return [path for path in (settings.data_dir / "store").rglob("*") if path.is_file()]


def requests(count: int, **more: Any) -> list[SubmittedRequest]:
    """Requests with the custom_ids "r0", "r1" and so on."""
    return [
        ({**SAMPLES, "x_offset": nth}, RequestOptions(custom_id=f"r{nth}", **more)) for nth in range(count)
    ]


class Desk:
    """Accepts and reads batches of a key."""

    def __init__(self, redis: Redis, settings: Settings, key_id: str) -> None:
        self.redis = redis
        self.settings = settings
        self.key_id = key_id
        self.store = PictureStore.open(settings)

    def command(self, **more: Any) -> BatchCommand:
        given = {"key_id": self.key_id, "origin": HERE, "deadlines": Deadlines.default(self.settings)}
        return BatchCommand(**given | more)

    def accept(
        self,
        sent: Iterable[SubmittedRequest],
        fingerprint: str = "",
        shared: dict[str, Any] | None = None,
        together: bool = False,
        **more: Any,
    ) -> CreatedBatch:
        """Accept a batch as the API does, its requests one by one, or all `together`."""

        async def accept() -> CreatedBatch:
            async with await self._open(**more) as batch:
                if shared:
                    await batch.share(shared)
                for some in [list(sent)] if together else ([each] for each in sent):
                    await batch.add(some)
                return await batch.commit(fingerprint)

        return asyncio.run(accept())

    def stage(self, sent: Sequence[SubmittedRequest], **more: Any) -> str:
        """Stage requests as a process that dies then; returns the id of the batch."""

        async def stage() -> str:
            batch = await self._open(**more)
            await batch.add(sent)
            await batch._stage()
            return batch.batch_id

        return asyncio.run(stage())

    def accept_and_die(self, sent: Sequence[SubmittedRequest], **more: Any) -> str:
        """Accept a batch as a process that dies before it queues a request; returns its id."""
        batch_id = self.stage(sent, **more)
        command = self.command(**more)
        args = common_args(command.key_id, command.deadlines, self.settings)
        args |= {"total": len(sent), "archive": new_token()}
        assert Script(self.redis, script("accept.lua"))(args=[batch_id, json.dumps(args)])[0] == b"ok"
        return batch_id

    async def _open(self, **more: Any) -> OpenBatch:
        batches = Batches(self.redis, self.settings, self.store)
        return await batches.open(self.command(**more), asyncio.to_thread)

    def read(self, method: str, *args: Any) -> Any:
        """Call a method of `BatchReader`."""

        async def read() -> Any:
            async with connect_async(self.settings) as redis:
                return await getattr(BatchReader(redis), method)(*args)

        return asyncio.run(read())

    def batch(self, batch_id: str) -> BatchRecord:
        record = self.read("batch", batch_id)
        assert record is not None
        return record

    def ids(self, batch_id: str) -> list[str]:
        return [member.request_id for member in self.read("members", batch_id, 0, 5000)]

    def counts(self, batch_id: str) -> tuple[int, int, int, int]:
        batch = self.batch(batch_id)
        return batch.queued, batch.processing, batch.completed, batch.failed


@pytest.fixture
def desk(redis: Redis, settings: Settings, key_id: str) -> Desk:
    return Desk(redis, settings, key_id)
