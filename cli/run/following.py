"""A batch that was sent: its pictures are fetched as they are done."""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus

from cli.client.api import JsonObject
from cli.client.errors import Refused, RequestFailed
from cli.client.interruptible import together
from cli.client.saving import appearing
from cli.run.context import Bench, Prepared
from cli.run.items import as_json
from cli.run.journal import Batch
from jobs.lifecycle.status import TERMINAL, Status

PAGE = 100
SHORTEST_S = 1
LONGEST_S = 8
"""The `wait` of a poll, which is answered sooner at the end of the batch only, while nothing else happens."""


class Following:
    """`pictures` are those that are wanted of the batch, by their places in it.

    Of a batch that an earlier run sent, what that run cancelled is sent again.
    """

    def __init__(
        self, bench: Bench, batch: Batch, pictures: Mapping[int, Prepared], is_resumed: bool = False
    ) -> None:
        self._bench = bench
        self._gone = {"expired", "cancelled"} if is_resumed else {"expired"}
        self._batch = batch
        self._open = dict(pictures)
        self._lost: list[Prepared] = []
        self._room = asyncio.Semaphore(bench.at_a_time)

    @property
    def left(self) -> int:
        """How many pictures are still to be made."""
        return len(self._open)

    async def until_ended(self) -> list[Prepared]:
        """Fetch all pictures; those that have to be sent again. Raises what would befall every picture."""
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
        self._bench.journal.end(self._batch)
        return [*self._lost, *self._open.values()]

    async def cancel(self) -> None:
        await self._bench.api.cancel_batch(self._batch_id)

    @property
    def _batch_id(self) -> str:
        return self._batch.batch_id or ""

    async def _poll(self, wait_s: int) -> JsonObject | None:
        """None of a batch that has expired, or is another key's."""
        try:
            return await self._bench.api.batch(self._batch_id, wait_s)
        except Refused as refused:
            if refused.status != HTTPStatus.NOT_FOUND:
                raise
            return None

    async def _collect(self, has_ended: bool) -> None:
        """Requests end about in their order: beyond a page of which none has begun nothing is new."""
        for offset in range(0, len(self._batch.pictures), PAGE):
            places = [place for place in range(offset, offset + PAGE) if place in self._open]
            if not places:
                continue
            page = dict(enumerate(await self._bench.api.batch_requests(self._batch_id, offset, PAGE), offset))
            await together(self._take(place, page[place]) for place in places if place in page)
            if not has_ended and all(each.get("status") == Status.QUEUED for each in page.values()):
                return

    async def _take(self, place: int, answer: JsonObject) -> None:
        """Fetch the picture of a request that has ended, or note why there is none."""
        status, code = answer.get("status"), answer.get("code")
        if status not in TERMINAL and code not in self._gone:
            return
        picture = self._open.pop(place)
        if code in self._gone:
            self._lost.append(picture)
            return
        with self._bench.noting(picture.item):
            if status == Status.FAILED:
                raise RequestFailed(answer)
            async with self._room:
                with appearing(picture.item.out) as file:
                    await self._bench.api.picture(answer["images"][0]["file_name"], file)
            self._bench.note_made(picture.item, picture.recipe, as_json(answer, picture.item.out))
