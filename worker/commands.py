"""What a worker is told on its channel, heard by a thread for as long as the worker lives.

RQ's own thread ends at what it does not know, and stays with a Redis that nothing is published at any more.
"""

import contextlib
import logging
import threading
from collections.abc import Callable
from typing import Any

from redis import ConnectionError, Redis, RedisError
from redis.client import PubSub

from jobs.redis.oom_exempt import PUBLISH

RECONNECT_S = 2.0
QUIET_S = 5.0  # after which something is said that must be heard, in as long
LAST_S = 1.0  # for the thread to end

log = logging.getLogger("superimpose.worker")


class Commands:
    """Hands every message on a channel to `obey`, in a thread of its own."""

    def __init__(self, redis: Redis, channel: str, obey: Callable[[dict[str, Any]], None]) -> None:
        self._redis = redis
        self._channel = channel
        self._obey = obey
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="commands", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Hear no more."""
        self._closed.set()
        with contextlib.suppress(RedisError):
            self._say_something()
        self._thread.join(LAST_S)

    def _listen(self) -> None:
        while not self._closed.is_set():
            try:
                with self._redis.pubsub() as subscription:  # type: ignore[no-untyped-call]
                    subscription.subscribe(self._channel)
                    while not self._closed.is_set():
                        self._hear(subscription)
            except RedisError as error:
                log.warning("lost the subscription to commands, connecting again: %s", error)
            except Exception:
                log.exception("the subscription to commands failed, connecting again")
            self._closed.wait(RECONNECT_S)

    def _hear(self, subscription: PubSub) -> None:
        """Obey the next message. Raises `redis.RedisError` where nothing is heard here any more."""
        message = _next(subscription)
        if message is None:
            self._say_something()
            message = _next(subscription)
        if message is None:
            raise ConnectionError(f"what was said was not heard within {QUIET_S:g} s")
        if message["type"] == "message" and message["data"]:
            self._obey(message)

    def _say_something(self) -> None:
        self._redis.eval(PUBLISH, 0, self._channel, "")


def _next(subscription: PubSub) -> Any:
    """The next message; None where there is none for a while."""
    return subscription.get_message(timeout=QUIET_S)
