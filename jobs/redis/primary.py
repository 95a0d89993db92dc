"""Connections that serve only while the Redis at their other end is the primary.

After a failover at one address, as a managed Redis makes it, connections to the old primary stay open: it is
a replica now and refuses every change. Each refusal drops its connection, as a lost one is dropped, so that
the next command goes where the address leads by then.
"""

import time
from collections.abc import Callable
from typing import Any

from redis import ConnectionError, RedisError, TimeoutError
from redis.asyncio.connection import DefaultParser as AsyncParser
from redis.connection import DefaultParser as Parser
from redis.retry import Retry
from redis.utils import str_if_bytes

CLUSTER = (
    "SUPERIMPOSE_REDIS_URL names a Redis Cluster, and a request changes several keys in one step: "
    "use a Redis with cluster mode disabled, which may have replicas or Sentinels"
)
SENTINEL = "SUPERIMPOSE_REDIS_URL names a Sentinel: write redis+sentinel://HOST:PORT,HOST:PORT/SERVICE/DB"


class NotServing(ConnectionError):
    """Redis refuses, as it is no primary any more, or not yet: it has not run the command."""


class UnsuitableRedis(RedisError):
    """The server cannot be worked with, however long one waits; the text says what to do."""


OLDEST_REDIS = 7
"""Major version: our scripts need what came with it. Valkey's numbers go on from there."""

REFUSALS = dict.fromkeys(("READONLY", "LOADING", "MASTERDOWN", "UNBLOCKED", "NOREPLICAS"), NotServing)
"""What such a Redis answers. UNBLOCKED ends a wait for the queue when it becomes a replica."""


class _Parser(Parser):  # type: ignore[misc, valid-type]
    EXCEPTION_CLASSES = Parser.EXCEPTION_CLASSES | REFUSALS


class _AsyncParser(AsyncParser):  # type: ignore[misc, valid-type]
    EXCEPTION_CLASSES = AsyncParser.EXCEPTION_CLASSES | REFUSALS


class RepeatRefused(Retry):
    """Repeats what was refused, which is safe for changes too: once, over a new connection.

    A pipeline without a transaction is repeated whole, so such a pipeline may only read.
    """

    def call_with_retry(self, do: Callable[[], Any], *args: Any, **kwargs: Any) -> Any:
        """As `Retry.call_with_retry`; with no retries of its own, that drops the connection and raises."""
        try:
            return super().call_with_retry(do, *args, **kwargs)
        except NotServing:
            return super().call_with_retry(do, *args, **kwargs)


class AskedWhenIdle:
    """A connection that is asked, before a command after a long silence, whether it leads to the primary.

    A NAT or firewall may have forgotten it meanwhile. Nothing was sent yet, so a new one takes its place.
    """

    def check_health(self) -> None:
        try:
            super().check_health()  # type: ignore[misc]
        except (ConnectionError, TimeoutError):
            self.next_health_check = time.monotonic() + self.health_check_interval  # type: ignore[attr-defined]
            self.connect()  # type: ignore[attr-defined]

    def _send_ping(self) -> None:
        _ask(self, timeout=self.socket_connect_timeout)  # type: ignore[attr-defined]


def options() -> dict[str, Any]:
    """redis-py's options for such connections."""
    return {"parser_class": _Parser, "redis_connect_func": _connected}


def async_options() -> dict[str, Any]:
    return {"parser_class": _AsyncParser, "redis_connect_func": _connected_async}


def _connected(connection: Any) -> None:
    connection.on_connect()
    _ask(connection)


async def _connected_async(connection: Any) -> None:
    await connection.on_connect()
    await connection.send_command("HELLO")
    _check(await connection.read_response())


def _ask(connection: Any, **limits: float) -> None:
    connection.send_command("HELLO", check_health=False)
    _check(connection.read_response(**limits))


def _check(hello: Any) -> None:
    """Raises `NotServing`, `UnsuitableRedis` by what a server says of itself."""
    fields = hello if isinstance(hello, dict) else dict(zip(hello[::2], hello[1::2], strict=True))  # RESP2
    said = {str_if_bytes(name): value for name, value in fields.items()}
    if str_if_bytes(said.get("mode", "")) == "cluster":
        raise UnsuitableRedis(CLUSTER)
    if str_if_bytes(said.get("mode", "")) == "sentinel":
        raise UnsuitableRedis(SENTINEL)
    version = str_if_bytes(said.get("version", b""))
    if int(version.partition(".")[0] or OLDEST_REDIS) < OLDEST_REDIS:
        raise UnsuitableRedis(
            f"SUPERIMPOSE_REDIS_URL names a Redis {version}: use Redis {OLDEST_REDIS} or newer, or Valkey"
        )
    if str_if_bytes(said.get("role", "")) == "replica":
        raise NotServing("it is a replica")
