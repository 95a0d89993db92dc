"""Commands of many callers in one round trip: what comes while one is under way goes with the next.

redis-py's work for a command is most of what a poll costs; for a pipeline it is done once.
"""

import asyncio
from typing import Any

from redis.asyncio import Redis
from redis.typing import EncodableT

LONGEST = 128  # commands, so that no answer is kept for long by those behind it

Waiting = tuple[tuple[EncodableT, ...], "asyncio.Future[Any]"]


class Pipelined:
    """Runs commands of callers that share an event loop; one's error is its own, a lost connection all's."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._waiting: list[Waiting] = []
        self._sending: asyncio.Task[None] | None = None

    async def execute(self, *command: EncodableT) -> Any:
        """The answer, as Redis gave it. Raises `redis.RedisError`."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((command, answer))
        if self._sending is None:
            self._sending = asyncio.create_task(self._send())
        return await answer

    async def _send(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:LONGEST], self._waiting[LONGEST:]
            for (_, answer), found in zip(batch, await self._answers(batch), strict=True):
                if answer.done():  # whoever asked has gone
                    continue
                if isinstance(found, Exception):
                    answer.set_exception(found)
                else:
                    answer.set_result(found)
        self._sending = None

    async def _answers(self, batch: list[Waiting]) -> list[Any]:
        try:
            async with self._redis.pipeline(transaction=False) as pipe:
                for command, _ in batch:
                    pipe.execute_command(*command)
                answers: list[Any] = await pipe.execute(raise_on_error=False)
                return answers
        except Exception as error:  # whatever it is, each of them has to hear of it
            return [error] * len(batch)
