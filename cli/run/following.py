"""Polls a batch and downloads its pictures as they are completed."""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus

from cli.client.api import JsonObject
from cli.client.errors import Refused, RequestFailed
from cli.client.interruptible import gather_all
from cli.output_files import atomic_write
from cli.run.context import Prepared, RunContext
from cli.run.items import as_json
from cli.run.journal import Batch
from jobs.lifecycle.status import TERMINAL, Status

PAGE = 100
SHORTEST_S = 1
LONGEST_S = 8
"""The `wait` of a poll grows while no request finishes, as only the end of the batch ends it early."""


class Following:
    """`pictures` are the pictures to download, by their index in the batch.

    `is_resumed`: an earlier run sent the batch; requests that it cancelled are sent again.
    """

    def __init__(
        self, context: RunContext, batch: Batch, pictures: Mapping[int, Prepared], is_resumed: bool = False
    ) -> None:
        self._context = context
        self._resend_codes = {"expired", "cancelled"} if is_resumed else {"expired"}
        self._batch = batch
        self._batch_id = batch.batch_id or ""
        self._unfinished = dict(pictures)
        self._to_resend: list[Prepared] = []
        self._slots = asyncio.Semaphore(context.concurrency)

    @property
    def unfinished_count(self) -> int:
        return len(self._unfinished)

    async def await_end(self) -> list[Prepared]:
        """Download all pictures and return those to send again. Raises errors that affect every picture."""
        wait_s, seen = SHORTEST_S, 0
        while (answer := await self._poll(wait_s)) is not None:
            counts = answer["request_counts"]
            done, has_ended = counts["completed"] + counts["failed"], answer["status"] == Status.COMPLETED
            wait_s = SHORTEST_S if done > seen else min(2 * wait_s, LONGEST_S)
            if done > seen or has_ended:
                await self._collect(has_ended)
            if has_ended:
                break
            seen = done
        self._context.journal.end(self._batch)
        return [*self._to_resend, *self._unfinished.values()]

    async def cancel(self) -> None:
        await self._context.api.cancel("batches", self._batch_id)

    async def _poll(self, wait_s: int) -> JsonObject | None:
        """None if the batch has expired or belongs to another key."""
        try:
            return await self._context.api.batch(self._batch_id, wait_s)
        except Refused as refused:
            if refused.status != HTTPStatus.NOT_FOUND:
                raise
            return None

    async def _collect(self, has_ended: bool) -> None:
        """Take finished requests. They start in order: behind a page that is all QUEUED none is finished."""
        for offset in range(0, len(self._batch.pictures), PAGE):
            places = [place for place in range(offset, offset + PAGE) if place in self._unfinished]
            if not places:
                continue
            page = dict(
                enumerate(await self._context.api.batch_requests(self._batch_id, offset, PAGE), offset)
            )
            await gather_all(self._take(place, page[place]) for place in places if place in page)
            if not has_ended and all(each.get("status") == Status.QUEUED for each in page.values()):
                return

    async def _take(self, place: int, answer: JsonObject) -> None:
        """Download the picture of a finished request, or record its failure."""
        status, code = answer.get("status"), answer.get("code")
        if status not in TERMINAL and code not in self._resend_codes:
            return
        picture = self._unfinished.pop(place)
        if code in self._resend_codes:
            self._to_resend.append(picture)
            return
        with self._context.recording_failure(picture.item):
            if status == Status.FAILED:
                raise RequestFailed(answer)
            async with self._slots:
                with atomic_write(picture.item.out) as file:
                    await self._context.api.picture(answer["images"][0]["file_name"], file)
            self._context.record_rendered(picture.item, picture.recipe, as_json(answer, picture.item.out))
