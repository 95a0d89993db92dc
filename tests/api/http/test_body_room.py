"""Large bodies that are in memory at a time: bounded for a key, and so for all, and honest ones wait."""

import asyncio
import contextlib
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from redis import Redis

from api.http import body as body_room
from api.http.body import BODIES, BODIES_OF_A_KEY, SMALL, BodyRoom, NoRoom
from jobs.keys.api_keys import ApiKeys
from tests.edge import Edge, serving, submit
from tests.stack import KEY

LARGEST = 1024 * 1024


def taken(room: BodyRoom, *sizes_of: tuple[str, int]) -> contextlib.AsyncExitStack:
    """Enter this to have these (key, size) in memory."""

    class Taken(contextlib.AsyncExitStack):
        async def __aenter__(self):
            await super().__aenter__()
            for key_id, size in sizes_of:
                await self.enter_async_context(room.take(key_id, size))
            return self

    return Taken()


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(body_room, "WAIT_S", 0.05)


def test_a_key_has_room_for_its_bodies_and_another_for_its_own():
    async def check() -> None:
        room = BodyRoom(LARGEST)
        async with taken(room, *[("a", LARGEST)] * BODIES_OF_A_KEY):
            with pytest.raises(NoRoom):
                await room.take("a", LARGEST).__aenter__()
            async with taken(room, ("b", LARGEST), ("a", SMALL)):
                pass
        async with taken(room, *[("a", LARGEST)] * BODIES_OF_A_KEY):
            pass

    asyncio.run(check())


def test_all_keys_together_have_room_for_so_many():
    async def check() -> None:
        room = BodyRoom(LARGEST)
        async with taken(room, *[(f"key {number}", LARGEST) for number in range(BODIES)]):
            with pytest.raises(NoRoom):
                await room.take("one more", LARGEST).__aenter__()

    asyncio.run(check())


def test_a_body_waits_for_another_to_end():
    async def check() -> None:
        room = BodyRoom(LARGEST)
        async with taken(room, *[("a", LARGEST)] * BODIES_OF_A_KEY):
            waiting = asyncio.create_task(room.take("a", LARGEST).__aenter__())
            await asyncio.sleep(0)  # it runs as far as it gets
            assert not waiting.done()
        await waiting

    asyncio.run(check())


@pytest.fixture
def edge(redis_socket, tmp_path):
    with serving(redis_socket, tmp_path, "cli", "api", max_body_bytes=LARGEST) as edge:
        yield edge


@pytest.fixture
def other(redis_socket):
    with Redis.from_url(f"unix://{redis_socket}?db=7") as redis:
        return ApiKeys(redis).create("other")[1]


def large_submit(edge: Edge, key: str) -> int:
    """Status of a submit of the largest size, which has no pictures."""
    headers = {"content-type": "application/json", "x-api-key": key}
    with httpx.Client(trust_env=False, timeout=30) as client:
        sent = b" " * (LARGEST - 2) + b"{}"
        return client.post(f"{edge.url}/v2/superimpose", content=sent, headers=headers).status_code


def test_paused_bodies_of_a_key_hold_up_its_own_large_ones_and_nobody_elses(edge, other):
    announced = submit(content_length=LARGEST)
    with contextlib.ExitStack() as paused, ThreadPoolExecutor() as threads:
        for _ in range(BODIES_OF_A_KEY):
            paused.enter_context(edge.connect()).sendall(announced + b" " * 1000)
        assert large_submit(edge, other) == 400
        mine = threads.submit(large_submit, edge, KEY)
        assert [large_submit(edge, other) for _ in range(5)] == [400] * 5
        assert not mine.done()

        paused.close()

        assert mine.result() == 400
