"""Many pictures in batches: one is sent while that before it is worked on."""

import asyncio
import json
import re
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import suppress
from http import HTTPStatus
from itertools import islice
from typing import Any
from uuid import uuid4

from cli.client.api import CANCEL_S
from cli.client.errors import CallError, Refused
from cli.client.interruptible import cancel, together
from cli.run.context import Bench, Prepared
from cli.run.following import Following
from cli.run.ingredients import Ingredients
from cli.run.items import Item
from cli.run.journal import Batch, digest

MOST_REQUESTS = 5000
MOST_BYTES = 20 * 1024 * 1024
"""Of the files in a batch, which as base64 still fit into the 33 MB that docs/stack.md has nginx take."""
FOLLOWED = 2

TOO_MUCH = frozenset({"body_too_large", "slow_body", "queue_full"})
"""Codes of an answer to a batch that a smaller one might not get."""
OF_A_REQUEST = re.compile(r"requests\[(\d+)\]\.?")
OF_ALL = "defaults."
LINE = re.compile(r" \(line \d+\)$")


async def make_in_batches(bench: Bench, items: Sequence[Item]) -> None:
    """Raises what would befall every picture; then batches that were sent go on, and the next run finds them.

    Cancelled, it cancels them.
    """
    batches = _Batches(bench, items)
    try:
        await batches.make()
    except asyncio.CancelledError:
        await batches.cancel()
        raise


class _Batches:
    def __init__(self, bench: Bench, items: Sequence[Item]) -> None:
        self._bench = bench
        self._by_name = {item.out.name: item for item in items}
        self._items: Iterator[Item] = iter(())
        self._prepared: deque[Prepared] = deque()
        self._common: Mapping[str, object] = {}
        self._largest = self._most = MOST_REQUESTS  # that a batch may have at all, and now
        self._pause_s = 0.0
        self._is_full = False
        self._followed: dict[asyncio.Task[list[Prepared]], Following] = {}

    async def make(self) -> None:
        self._common = await self._bench.ingredients.common()
        try:
            await self._go_on()
            self._items = iter([*self._by_name.values()])
            while True:
                while self._may_send() and await self._send_next():
                    pass
                if not self._followed:
                    return
                await self._await_end_of_one()
        finally:
            await cancel(self._followed)

    async def cancel(self) -> None:
        """A second interrupt leaves them to go on."""
        for following in self._followed.values():
            with suppress(CallError, TimeoutError):
                async with asyncio.timeout(CANCEL_S):
                    await following.cancel()

    async def _go_on(self) -> None:
        """With batches of which a run that was killed did not see the end, where they are still wanted."""
        for batch in self._bench.journal.batches:
            found = await self._wanted(batch)
            if batch.batch_id and found:
                self._take_up(found)
                self._follow(Following(self._bench, batch, found, is_resumed=True))
            elif not batch.batch_id and len(found) == len(batch.pictures):
                self._take_up(found)
                pictures = [each for each, _ in await self._uploaded([*found.values()])]
                is_whole = len(pictures) == len(found)
                await self._send(pictures, batch.idempotency_key if is_whole else str(uuid4()))
            else:
                self._bench.journal.end(batch)
                with suppress(Refused):  # it has ended
                    if batch.batch_id:
                        await self._bench.api.cancel_batch(batch.batch_id)

    async def _wanted(self, batch: Batch) -> dict[int, Prepared]:
        """Pictures of an earlier batch that are to be made of the same now, by their places in it."""
        found = {}
        for place, (name, made_of) in enumerate(batch.pictures):
            item = self._by_name.get(name)
            prepared = item and await self._prepare(item)
            if prepared and digest(prepared.recipe) == made_of:
                found[place] = prepared
        return found

    def _take_up(self, found: Mapping[int, Prepared]) -> None:
        for picture in found.values():
            del self._by_name[picture.item.out.name]

    def _follow(self, following: Following) -> None:
        self._followed[asyncio.create_task(following.until_ended())] = following

    def _may_send(self) -> bool:
        """One more than is worked on; of large pictures, of which a batch has few, several."""
        left = sum(following.left for following in self._followed.values())
        return not self._is_full and (len(self._followed) < FOLLOWED or left < self._bench.at_a_time)

    async def _await_end_of_one(self) -> None:
        ended, _ = await asyncio.wait(self._followed, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            self._prepared.extend(task.result())
            del self._followed[task]
        self._is_full = False

    async def _send_next(self) -> bool:
        """False: there is nothing more to send."""
        if self._pause_s:
            self._bench.tally.on_pause("the queue is full", self._pause_s)
            await asyncio.sleep(self._pause_s)
            self._pause_s = 0
        pictures = await self._next_pictures()
        await self._send(pictures, str(uuid4()))
        return bool(pictures)

    async def _next_pictures(self) -> list[Prepared]:
        found: list[Prepared] = []
        size = 0
        while len(found) < self._most:
            group = await self._some(min(self._bench.at_a_time, self._most - len(found)))
            if not group:
                break
            left = deque(await self._uploaded(group))
            while left and (not found or size + left[0][1] <= MOST_BYTES):
                picture, more = left.popleft()
                found.append(picture)
                size += more
            if left:
                self._prepared.extendleft(picture for picture, _ in reversed(left))
                break
        return found

    async def _some(self, most: int) -> list[Prepared]:
        """At least one while there are any."""
        while not self._prepared and (items := [*islice(self._items, most)]):
            self._prepared.extend(filter(None, await together(map(self._prepare, items))))
        return [self._prepared.popleft() for _ in range(min(most, len(self._prepared)))]

    async def _prepare(self, item: Item) -> Prepared | None:
        """None of one that nothing is left to do for."""
        with self._bench.noting(item):
            recipe = await self._bench.recipe_of_new(item)
            if recipe is not None:
                return Prepared(item, recipe)
        self._by_name.pop(item.out.name, None)
        return None

    async def _uploaded(self, pictures: Sequence[Prepared]) -> list[tuple[Prepared, int]]:
        """Those of which nothing is left to upload, with the bytes of their files."""
        sizes = await together(map(self._upload, pictures))
        return [(each, size) for each, size in zip(pictures, sizes, strict=True) if size is not None]

    async def _upload(self, picture: Prepared) -> int | None:
        with self._bench.noting(picture.item):
            return await self._bench.ingredients.upload(picture.item)
        return None

    async def _send(self, pictures: Sequence[Prepared], idempotency_key: str) -> None:
        """And follow it; where it is refused, its pictures come again, but for those that are at fault."""
        if not pictures:
            return
        bench = self._bench
        batch = Batch(idempotency_key, [(each.item.out.name, digest(each.recipe)) for each in pictures])
        bench.journal.begin(batch)
        bench.tally.on_send(len(pictures))
        body = BatchBody(self._common, pictures, bench.ingredients)
        is_patient = len(pictures) == 1 and not self._followed
        try:
            answer = await bench.api.submit_batch(bench.model, body, batch.idempotency_key, is_patient)
        except Unreadable as unreadable:
            self._put_back(pictures, {unreadable.place: unreadable.error})
        except Refused as refused:
            self._put_back(pictures, self._faults(refused, len(pictures)))
        else:
            batch.batch_id = answer["batch_id"]
            bench.journal.accept(batch)
            self._most = min(self._largest, 2 * self._most)
            self._follow(Following(bench, batch, dict(enumerate(pictures))))
            return
        bench.journal.end(batch)

    def _faults(self, refused: Refused, count: int) -> Mapping[int, CallError]:
        """What is wrong with which of its pictures. Raises what is wrong with all."""
        if refused.code in TOO_MUCH:
            if refused.code == "queue_full" and self._followed:
                self._is_full = True  # until one of those has ended
            elif count == 1:
                return {0: refused}
            else:
                self._most = count // 2
                if refused.code == "queue_full":
                    self._pause_s = refused.retry_after_s
                else:
                    self._largest = self._most
            return {}
        if refused.status == HTTPStatus.CONFLICT:  # a file has changed since it was sent
            return {}
        faults = defaultdict[int, list[Mapping[str, str]]](list)
        for fault in refused.faults:
            of_one = OF_A_REQUEST.match(fault["field"])
            if of_one is None:
                named = [{**each, "field": each["field"].removeprefix(OF_ALL)} for each in refused.faults]
                raise Refused(refused.status, refused.code, str(refused), named)
            field, message = fault["field"][of_one.end() :] or "picture", LINE.sub("", fault["message"])
            faults[int(of_one[1])].append({"field": field, "message": message})
        if not faults:
            raise refused
        return {place: Refused(refused.status, refused.code, "", each) for place, each in faults.items()}

    def _put_back(self, pictures: Sequence[Prepared], faults: Mapping[int, CallError | OSError]) -> None:
        for place, error in faults.items():
            with self._bench.noting(pictures[place].item):
                raise error
        left = [picture for place, picture in enumerate(pictures) if place not in faults]
        self._prepared.extendleft(reversed(left))


AT_ONCE = 64 * 1024  # bytes of lines that are sent together


class Unreadable(Exception):
    """A file cannot be read while its line is made; the server accepts nothing of a body that breaks off."""

    def __init__(self, place: int, error: OSError) -> None:
        super().__init__(str(error))
        self.place = place
        self.error = error


class BatchBody:
    """Some lines of it are in memory at a time; each time it is read, files are read again."""

    def __init__(
        self, common: Mapping[str, Any], pictures: Sequence[Prepared], ingredients: Ingredients
    ) -> None:
        self._common = common
        self._pictures = pictures
        self._ingredients = ingredients

    async def __aiter__(self) -> AsyncIterator[bytes]:
        lines = bytearray(_line({"defaults": self._common}))
        for place, picture in enumerate(self._pictures):
            try:
                lines += _line(await self._ingredients.own(picture.item))
            except OSError as error:
                raise Unreadable(place, error) from error
            if len(lines) > AT_ONCE:
                yield bytes(lines)
                lines.clear()
        yield bytes(lines)


def _line(values: Mapping[str, Any]) -> bytes:
    return json.dumps(values).encode() + b"\n"
