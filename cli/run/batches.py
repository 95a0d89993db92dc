"""Renders many pictures in batches; the next batch is sent while the server processes the last one."""

import asyncio
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from http import HTTPStatus
from itertools import islice
from uuid import uuid4

from cli.client.api import CANCEL_TIMEOUT_S
from cli.client.errors import CallError, Refused, faults_by_picture
from cli.client.interruptible import cancel, gather_all
from cli.run.context import BatchBody, Prepared, RunContext, Unreadable
from cli.run.following import Following
from cli.run.items import Item
from cli.run.journal import Batch, digest
from jobs.batches.limits import MAX_REQUESTS

MAX_BYTES = 20 * 1024 * 1024
"""Total file size of a batch: as base64 it fits into the 33 MB that nginx accepts (docs/stack.md)."""
MAX_FOLLOWED = 2

TOO_LARGE = frozenset({"body_too_large", "slow_body", "queue_full"})
"""Error codes that a smaller batch may avoid."""


async def render_in_batches(context: RunContext, items: Sequence[Item]) -> None:
    """Raises errors that affect every picture; the batches go on, and the next run resumes them.

    Cancellation cancels the batches.
    """
    batches = _Batches(context, items)
    try:
        await batches.render()
    except asyncio.CancelledError:
        await batches.cancel()
        raise


class _Batches:
    def __init__(self, context: RunContext, items: Sequence[Item]) -> None:
        self._context = context
        self._by_name = {item.out.name: item for item in items}
        self._items: Iterator[Item] = iter(())
        self._prepared: deque[Prepared] = deque()
        self._common: Mapping[str, object] = {}
        self._size_limit = MAX_REQUESTS  # what the server accepts, as far as known
        self._max_requests = MAX_REQUESTS  # of the next batch
        self._pause_s = 0.0
        self._is_full = False
        self._followed: dict[asyncio.Task[list[Prepared]], Following] = {}

    async def render(self) -> None:
        self._common = await self._context.request_parts.common()
        try:
            await self._resume()
            self._items = iter([*self._by_name.values()])
            while True:
                while self._can_send() and await self._send_next():
                    pass
                if not self._followed:
                    return
                await self._await_next_end()
        finally:
            await cancel(self._followed)

    async def cancel(self) -> None:
        """Cancel the batches on the server; a second interrupt skips this."""
        for following in self._followed.values():
            with suppress(CallError, TimeoutError):
                async with asyncio.timeout(CANCEL_TIMEOUT_S):
                    await following.cancel()

    async def _resume(self) -> None:
        """Resume batches of a killed run whose pictures are unchanged; cancel the others."""
        for batch in self._context.journal.unfinished_batches:
            found = await self._unchanged_pictures(batch)
            if batch.batch_id and found:
                self._claim(found)
                self._follow(Following(self._context, batch, found, is_resumed=True))
            elif not batch.batch_id and len(found) == len(batch.pictures):
                self._claim(found)
                pictures = [each for each, _ in await self._upload_all([*found.values()])]
                is_whole = len(pictures) == len(found)
                await self._send(pictures, batch.idempotency_key if is_whole else str(uuid4()))
            else:
                self._context.journal.end(batch)
                with suppress(Refused):  # it is finished
                    if batch.batch_id:
                        await self._context.api.cancel("batches", batch.batch_id)

    async def _unchanged_pictures(self, batch: Batch) -> dict[int, Prepared]:
        """Pictures of an earlier batch that this run needs with the same recipe, by index in the batch."""
        found = {}
        for index, (name, recipe_digest) in enumerate(batch.pictures):
            item = self._by_name.get(name)
            prepared = item and await self._prepare(item)
            if prepared and digest(prepared.recipe) == recipe_digest:
                found[index] = prepared
        return found

    def _claim(self, found: Mapping[int, Prepared]) -> None:
        for picture in found.values():
            del self._by_name[picture.item.out.name]

    def _follow(self, following: Following) -> None:
        self._followed[asyncio.create_task(following.await_end())] = following

    def _can_send(self) -> bool:
        """Large pictures make small batches, so more of them are sent ahead to keep the workers busy."""
        if self._is_full:
            return False
        unfinished = sum(following.unfinished_count for following in self._followed.values())
        return len(self._followed) < MAX_FOLLOWED or unfinished < self._context.concurrency

    async def _await_next_end(self) -> None:
        ended, _ = await asyncio.wait(self._followed, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            self._prepared.extend(task.result())
            del self._followed[task]
        self._is_full = False

    async def _send_next(self) -> bool:
        """Returns False if nothing is left to send."""
        if self._pause_s:
            self._context.tally.on_pause("the queue is full", self._pause_s)
            await asyncio.sleep(self._pause_s)
            self._pause_s = 0
        pictures = await self._next_pictures()
        await self._send(pictures, str(uuid4()))
        return bool(pictures)

    async def _next_pictures(self) -> list[Prepared]:
        found: list[Prepared] = []
        size = 0
        while len(found) < self._max_requests:
            group = await self._next_prepared(min(self._context.concurrency, self._max_requests - len(found)))
            if not group:
                break
            uploaded = deque(await self._upload_all(group))
            while uploaded and (not found or size + uploaded[0][1] <= MAX_BYTES):
                picture, file_bytes = uploaded.popleft()
                found.append(picture)
                size += file_bytes
            if uploaded:
                self._prepared.extendleft(picture for picture, _ in reversed(uploaded))
                break
        return found

    async def _next_prepared(self, limit: int) -> list[Prepared]:
        """Up to `limit` pictures; none only when all are sent."""
        while not self._prepared and (items := [*islice(self._items, limit)]):
            self._prepared.extend(filter(None, await gather_all(map(self._prepare, items))))
        return [self._prepared.popleft() for _ in range(min(limit, len(self._prepared)))]

    async def _prepare(self, item: Item) -> Prepared | None:
        """None if the picture is up to date, or cannot be read."""
        with self._context.recording_failure(item):
            recipe = await self._context.recipe_unless_done(item)
            if recipe is not None:
                return Prepared(item, recipe)
        self._by_name.pop(item.out.name, None)
        return None

    async def _upload_all(self, pictures: Sequence[Prepared]) -> list[tuple[Prepared, int]]:
        """Upload files; returns the pictures that succeeded, with the bytes of their own files."""
        sizes = await gather_all(map(self._upload, pictures))
        return [(each, size) for each, size in zip(pictures, sizes, strict=True) if size is not None]

    async def _upload(self, picture: Prepared) -> int | None:
        with self._context.recording_failure(picture.item):
            return await self._context.request_parts.upload(picture.item)
        return None

    async def _send(self, pictures: Sequence[Prepared], idempotency_key: str) -> None:
        """Send a batch and follow it. If it is refused, its valid pictures go back to be sent again."""
        if not pictures:
            return
        context = self._context
        batch = Batch(idempotency_key, [(each.item.out.name, digest(each.recipe)) for each in pictures])
        context.journal.begin(batch)
        context.tally.on_send(len(pictures))
        body = BatchBody(self._common, [each.item for each in pictures], context.request_parts)
        wait = len(pictures) == 1 and not self._followed
        try:
            response = await context.api.submit_batch(context.model, body, batch.idempotency_key, wait)
        except Unreadable as unreadable:
            self._put_back(pictures, {unreadable.index: unreadable.error})
        except Refused as refused:
            self._put_back(pictures, self._faults(refused, len(pictures)))
        else:
            batch.batch_id = response["batch_id"]
            context.journal.accept(batch)
            self._max_requests = min(self._size_limit, 2 * self._max_requests)
            self._follow(Following(context, batch, dict(enumerate(pictures))))
            return
        context.journal.end(batch)

    def _faults(self, refused: Refused, count: int) -> Mapping[int, CallError]:
        """Errors by index of the picture. Raises an error that affects every picture."""
        if refused.code in TOO_LARGE:
            if refused.code == "queue_full" and self._followed:
                self._is_full = True  # until a followed batch is finished
            elif count == 1:
                return {0: refused}
            else:
                self._max_requests = count // 2
                if refused.code == "queue_full":
                    self._pause_s = refused.retry_after_s
                else:
                    self._size_limit = self._max_requests
            return {}
        if refused.status == HTTPStatus.CONFLICT:  # a file has changed since it was sent
            return {}
        return faults_by_picture(refused)

    def _put_back(self, pictures: Sequence[Prepared], faults: Mapping[int, CallError | OSError]) -> None:
        for index, error in faults.items():
            with self._context.recording_failure(pictures[index].item):
                raise error
        valid = [picture for index, picture in enumerate(pictures) if index not in faults]
        self._prepared.extendleft(reversed(valid))
