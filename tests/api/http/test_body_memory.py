"""The memory for large bodies is limited per key and in total; further bodies wait."""

import asyncio
import contextlib
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from redis import Redis

from api.errors import ApiError
from api.http import body as body_module
from api.http.body import BODIES, BODIES_OF_A_KEY, SMALL, BodyMemory
from jobs.keys.api_keys import ApiKeys
from tests.edge import Edge, serving, submit
from tests.stack import KEY

LARGEST = 1024 * 1024


def reserved(memory: BodyMemory, *sizes: tuple[str, int]) -> contextlib.AsyncExitStack:
    """A context that reserves memory for these (key, size)."""

    class Reserved(contextlib.AsyncExitStack):
        async def __aenter__(self):
            await super().__aenter__()
            for key_id, size in sizes:
                await self.enter_async_context(memory.reserve(key_id, size))
            return self

    return Reserved()


@pytest.fixture(autouse=True)
def short_wait(monkeypatch):
    monkeypatch.setattr(body_module, "WAIT_S", 0.05)


def test_each_key_has_a_limit_of_its_own():
    async def check() -> None:
        memory = BodyMemory(LARGEST)
        async with reserved(memory, *[("a", LARGEST)] * BODIES_OF_A_KEY):
            with pytest.raises(ApiError, match="too many large bodies"):
                await memory.reserve("a", LARGEST).__aenter__()
            async with reserved(memory, ("b", LARGEST), ("a", SMALL)):
                pass
        async with reserved(memory, *[("a", LARGEST)] * BODIES_OF_A_KEY):
            pass

    asyncio.run(check())


def test_all_keys_together_have_a_limit():
    async def check() -> None:
        memory = BodyMemory(LARGEST)
        async with reserved(memory, *[(f"key {number}", LARGEST) for number in range(BODIES)]):
            with pytest.raises(ApiError, match="too many large bodies"):
                await memory.reserve("one more", LARGEST).__aenter__()

    asyncio.run(check())


def test_a_body_waits_until_another_releases_its_memory():
    async def check() -> None:
        memory = BodyMemory(LARGEST)
        async with reserved(memory, *[("a", LARGEST)] * BODIES_OF_A_KEY):
            waiting = asyncio.create_task(memory.reserve("a", LARGEST).__aenter__())
            await asyncio.sleep(0)  # let the task start
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


def test_paused_bodies_block_only_large_bodies_of_the_same_key(edge, other):
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
