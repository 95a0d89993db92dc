"""Concurrent runs of a script share calls to Redis."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from redis.exceptions import ConnectionError as RedisUnreachable
from redis.exceptions import ResponseError

from jobs.config.settings import Settings
from jobs.redis.batched_script import MAX_BATCH, BatchedScript
from jobs.redis.connection import connect_async

ECHO = """
local answers = {}
for at = 1, #ARGV - 1 do
  local question = ARGV[at + 1]
  answers[at] = {question, #ARGV - 1}
  if question == 'fewer' then return {} end
  if question == 'nonsense' then return redis.error_reply('ERR nonsense') end
end
return answers
"""


@pytest.fixture
def run(settings):
    """Runs what gets a script to ask."""

    def run(asking: Callable[[BatchedScript], Awaitable[object]], settings: Settings = settings) -> object:
        async def connected() -> object:
            async with connect_async(settings) as redis:
                return await asking(BatchedScript(redis, ECHO, ECHO))

        return asyncio.run(connected())

    return run


async def all_of(script: BatchedScript, *questions: str) -> list[object]:
    return await asyncio.gather(*[script.run(each) for each in questions], return_exceptions=True)


def test_each_of_many_callers_gets_its_own_reply(run):
    questions = [str(number) for number in range(2 * MAX_BATCH + 1)]

    answers = run(lambda script: all_of(script, *questions))

    assert answers == [[each.encode(), size] for each, size in zip(questions, sizes(questions), strict=True)]


def test_a_wrong_number_of_replies_is_an_error_of_this_call_only(run):
    async def asking(script: BatchedScript) -> object:
        (refused,) = await all_of(script, "fewer")
        assert isinstance(refused, ValueError)
        return await asyncio.wait_for(script.run("next"), 10)

    assert run(asking) == [b"next", 1]


def sizes(questions: list[str]) -> list[int]:
    """How many are asked along with each."""
    return [min(MAX_BATCH, len(questions) - at // MAX_BATCH * MAX_BATCH) for at in range(len(questions))]


def test_runs_during_a_call_share_the_next_call(run):
    async def asking(script: BatchedScript) -> list[object]:
        first = asyncio.create_task(script.run("first"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return [await first, *await all_of(script, "a", "b", "c")]

    assert run(asking) == [[b"first", 1], [b"a", 3], [b"b", 3], [b"c", 3]]


def test_all_callers_get_an_error_and_the_next_call_succeeds(run):
    async def asking(script: BatchedScript) -> tuple[list[object], object]:
        return await all_of(script, "a", "nonsense"), await script.run("b")

    errors, answer = run(asking)
    assert [type(error) for error in errors] == [ResponseError] * 2
    assert answer == [b"b", 1]


def test_all_callers_get_the_error_of_an_unreachable_redis(run, tmp_path):
    away = Settings(redis_url=f"unix://{tmp_path}/nothing.sock")

    errors = run(lambda script: all_of(script, "a", "b"), away)

    assert [type(error) for error in errors] == [RedisUnreachable] * 2


@pytest.mark.parametrize("gone", [0, 1])
def test_a_cancelled_caller_does_not_affect_others(run, gone):
    async def asking(script: BatchedScript) -> object:
        callers = [asyncio.create_task(script.run(str(number))) for number in range(2)]
        await asyncio.sleep(0)
        callers[gone].cancel()
        return await callers[1 - gone]

    assert run(asking) == [str(1 - gone).encode(), 2]
