"""Commands of many callers in one round trip."""

import asyncio

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisUnreachable
from redis.exceptions import ResponseError

from jobs.connection import connect_async
from jobs.pipelined import LONGEST, Pipelined
from jobs.settings import Settings


def test_each_caller_gets_his_own_answer_however_many_there_are(settings):
    async def run() -> list[bytes]:
        async with connect_async(settings) as connection:
            pipelined = Pipelined(connection)
            return await asyncio.gather(*[pipelined.execute("ECHO", n) for n in range(2 * LONGEST + 1)])

    assert asyncio.run(run()) == [str(n).encode() for n in range(2 * LONGEST + 1)]


def test_a_commands_error_is_its_own(settings):
    async def run() -> list[object]:
        async with connect_async(settings) as connection:
            pipelined = Pipelined(connection)
            commands = (("ECHO", "a"), ("NONSENSE",), ("ECHO", "b"))
            return await asyncio.gather(
                *[pipelined.execute(*command) for command in commands], return_exceptions=True
            )

    first, nonsense, last = asyncio.run(run())
    assert (first, last) == (b"a", b"b")
    assert isinstance(nonsense, ResponseError)


def test_all_hear_of_a_redis_that_is_away_and_are_answered_once_it_is_back(settings, tmp_path):
    away = Settings(redis_url=f"unix://{tmp_path}/nothing.sock")

    async def run() -> None:
        async with connect_async(away) as nowhere, connect_async(settings) as somewhere:
            pipelined = Pipelined(nowhere)
            heard = await asyncio.gather(
                *[pipelined.execute("PING") for _ in range(3)], return_exceptions=True
            )
            assert [type(error) for error in heard] == [RedisUnreachable] * 3
            pipelined._redis = somewhere
            assert await pipelined.execute("PING") in (True, b"PONG")

    asyncio.run(run())


@pytest.mark.parametrize("gone", [0, 1])
def test_a_caller_that_goes_away_leaves_the_others_their_answers(settings, gone):
    async def run() -> None:
        async with connect_async(settings) as connection:
            pipelined = Pipelined(connection)
            callers = [asyncio.create_task(pipelined.execute("ECHO", n)) for n in range(2)]
            await asyncio.sleep(0)
            callers[gone].cancel()
            assert await callers[1 - gone] == str(1 - gone).encode()

    asyncio.run(run())


def test_what_comes_while_a_round_trip_is_under_way_goes_together(settings, monkeypatch):
    async def run() -> list[int]:
        async with connect_async(settings) as connection:
            pipelined, sizes = Pipelined(connection), []
            pipeline = Redis.pipeline

            def watched(self, *args, **options):
                pipe = pipeline(self, *args, **options)
                execute = pipe.execute
                pipe.execute = lambda **how: sizes.append(len(pipe)) or execute(**how)
                return pipe

            monkeypatch.setattr(Redis, "pipeline", watched)
            first = asyncio.create_task(pipelined.execute("ECHO", "first"))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            await asyncio.gather(first, *[pipelined.execute("ECHO", n) for n in range(5)])
            return sizes

    assert asyncio.run(run()) == [1, 5]
