"""Notifications of changed records, on one Redis subscription per process."""

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from redis import ConnectionError, RedisError
from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from jobs.keyspace import CHANGES
from jobs.redis.script import PUBLISH

RECONNECT_S = 0.5
QUIET_S = 5.0  # of silence before a probe is published, and the time within which it must arrive

log = logging.getLogger("superimpose.changes")


class Changes:
    """Wakes the calls that watch a request or batch when its record changes.

    A wake-up is only a hint to read the record. After a lost connection all calls are woken, because a
    change may have been missed.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._watchers: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self.stopping = False
        """The process is shutting down: calls that can respond now should."""

    @contextlib.contextmanager
    def watch(self, request_id: str) -> Iterator[asyncio.Event]:
        """An event set at each change. Read the record after entering the context, and after each change."""
        event = asyncio.Event()
        self._watchers[request_id].add(event)
        try:
            yield event
        finally:
            self._watchers[request_id].discard(event)
            if not self._watchers[request_id]:
                del self._watchers[request_id]

    @property
    def watchers(self) -> int:
        return sum(map(len, self._watchers.values()))

    def stop(self) -> None:
        self.stopping = True
        self._wake(list(self._watchers))

    async def listen(self) -> None:
        while True:
            try:
                await self._listen_once()
            except RedisError as error:
                log.warning("lost the subscription to changes, connecting again: %s", error)
            except Exception:
                log.exception("the subscription to changes failed, connecting again")
            await asyncio.sleep(RECONNECT_S)

    async def _listen_once(self) -> None:
        async with self._redis.pubsub() as subscription:
            await subscription.subscribe(CHANGES)
            while True:
                message = await self._next(subscription)
                if message["type"] == "subscribe":  # redis-py subscribes again silently
                    self._wake(list(self._watchers))
                elif message["type"] == "message":
                    self._wake([message["data"].partition(b" ")[0].decode("ascii", "replace")])

    async def _next(self, subscription: PubSub) -> dict[str, Any]:
        """The next message. Raises `redis.RedisError` if messages no longer arrive."""
        message: dict[str, Any] | None = await subscription.get_message(timeout=QUIET_S)
        try:
            async with asyncio.timeout(QUIET_S):
                if message is None:
                    await self._redis.eval(PUBLISH, 0, CHANGES, "")
                while message is None:
                    message = await subscription.get_message(timeout=QUIET_S)
        except TimeoutError:
            raise ConnectionError(f"a published message did not arrive within {QUIET_S:g} s") from None
        return message

    def _wake(self, request_ids: list[str]) -> None:
        for request_id in request_ids:
            for event in self._watchers.get(request_id, ()):
                event.set()
