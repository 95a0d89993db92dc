"""Waiting for a request to move, on one Redis subscription per process."""

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import Iterator

from redis import RedisError
from redis.asyncio import Redis

from jobs.keyspace import CHANGES

RECONNECT_S = 0.5

log = logging.getLogger("superimpose.changes")


class Changes:
    """Tells whoever watches a request that its record has changed.

    A wake-up is a hint to read the record, which alone is the truth: after a lost connection everybody
    is woken, because a change may have been missed.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._watchers: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    @contextlib.contextmanager
    def watch(self, request_id: str) -> Iterator[asyncio.Event]:
        """An event that is set at each change; read the record after this and again after each."""
        event = asyncio.Event()
        self._watchers[request_id].add(event)
        try:
            yield event
        finally:
            self._watchers[request_id].discard(event)
            if not self._watchers[request_id]:
                del self._watchers[request_id]

    async def listen(self) -> None:
        """Wake watchers until cancelled."""
        while True:
            try:
                await self._listen_once()
            except RedisError as error:
                log.warning("lost the subscription to changes, connecting again: %s", error)
                await asyncio.sleep(RECONNECT_S)

    async def _listen_once(self) -> None:
        async with self._redis.pubsub() as subscription:
            await subscription.subscribe(CHANGES)
            while True:
                message = await subscription.get_message(timeout=None)
                if message and message["type"] == "subscribe":  # redis-py subscribes again without a word
                    self._wake(list(self._watchers))
                elif message:
                    self._wake([message["data"].partition(b" ")[0].decode()])

    def _wake(self, request_ids: list[str]) -> None:
        for request_id in request_ids:
            for event in self._watchers.get(request_id, ()):
                event.set()
