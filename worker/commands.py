"""A thread that receives the commands on a worker's channel.

RQ's own thread ends at an unknown command, and stays subscribed to a Redis that is no longer primary.
"""

import contextlib
import logging
import threading
from collections.abc import Callable
from typing import Any

from redis import ConnectionError, Redis, RedisError
from redis.client import PubSub

from jobs.redis.script import PUBLISH

RECONNECT_S = 2.0
QUIET_S = 5.0  # without a message, until a probe is published; and the time limit for that probe
JOIN_TIMEOUT_S = 1.0

log = logging.getLogger("superimpose.worker")


class Commands:
    """Calls `handle` with every message on a channel."""

    def __init__(self, redis: Redis, channel: str, handle: Callable[[dict[str, Any]], None]) -> None:
        self._redis = redis
        self._channel = channel
        self._handle = handle
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="commands", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closed.set()
        with contextlib.suppress(RedisError):
            self._probe()
        self._thread.join(JOIN_TIMEOUT_S)

    def _listen(self) -> None:
        while not self._closed.is_set():
            try:
                with self._redis.pubsub() as subscription:  # type: ignore[no-untyped-call]
                    subscription.subscribe(self._channel)
                    while not self._closed.is_set():
                        self._receive(subscription)
            except RedisError as error:
                log.warning("lost the subscription to commands, connecting again: %s", error)
            except Exception:
                log.exception("the subscription to commands failed, connecting again")
            self._closed.wait(RECONNECT_S)

    def _receive(self, subscription: PubSub) -> None:
        """Handle the next message. Raises `redis.RedisError` if neither a message nor a probe arrives."""
        message = _next(subscription)
        if message is None:
            self._probe()
            message = _next(subscription)
        if message is None:
            raise ConnectionError(f"a probe did not come back within {QUIET_S:g} s")
        if message["type"] == "message" and message["data"]:
            self._handle(message)

    def _probe(self) -> None:
        self._redis.eval(PUBLISH, 0, self._channel, "")


def _next(subscription: PubSub) -> Any:
    """The next message; None if none arrives within `QUIET_S`."""
    return subscription.get_message(timeout=QUIET_S)
