"""Connections that are dropped when their Redis is no longer the primary.

A managed Redis fails over behind one address, and connections to the old primary stay open: it is a replica
now and refuses writes. Each refusal drops its connection, and the next command resolves the address again.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from redis import ConnectionError, RedisError, TimeoutError
from redis.asyncio.connection import DefaultParser as AsyncParser
from redis.asyncio.retry import Retry as AsyncRetry
from redis.connection import DefaultParser as Parser
from redis.retry import Retry
from redis.utils import str_if_bytes

CLUSTER = (
    "SUPERIMPOSE_REDIS_URL names a Redis Cluster, and a request changes several keys in one step: "
    "use a Redis with cluster mode disabled, which may have replicas or Sentinels"
)
SENTINEL = "SUPERIMPOSE_REDIS_URL names a Sentinel: write redis+sentinel://HOST:PORT,HOST:PORT/SERVICE/DB"


class NotServing(ConnectionError):
    """Redis refused a command without running it: it is not the primary, or still loading."""


class UnsuitableRedis(RedisError):
    """The server cannot be used, and waiting does not help; the text says what to do."""


OLDEST_REDIS = 7  # major version; our scripts need script flags. Valkey continues the numbering.

REFUSALS = dict.fromkeys(("READONLY", "LOADING", "MASTERDOWN", "UNBLOCKED", "NOREPLICAS"), NotServing)
"""Error codes of a Redis that is not serving. UNBLOCKED ends a blocking read on becoming a replica."""


class _Parser(Parser):  # type: ignore[misc, valid-type]
    EXCEPTION_CLASSES = Parser.EXCEPTION_CLASSES | REFUSALS


class _AsyncParser(AsyncParser):  # type: ignore[misc, valid-type]
    EXCEPTION_CLASSES = AsyncParser.EXCEPTION_CLASSES | REFUSALS


class RetryRefused(Retry):
    """Retries a refused command once over a new connection, which is safe for writes too.

    A pipeline without a transaction is retried as a whole, so all its commands must be idempotent.
    """

    def call_with_retry(self, do: Callable[[], Any], *args: Any, **kwargs: Any) -> Any:
        """The base class has no retries here: it drops the connection and raises."""
        try:
            return super().call_with_retry(do, *args, **kwargs)
        except NotServing:
            return super().call_with_retry(do, *args, **kwargs)


class AsyncRetryRefused(AsyncRetry):
    async def call_with_retry(self, do: Callable[[], Awaitable[Any]], *args: Any, **kwargs: Any) -> Any:
        try:
            return await super().call_with_retry(do, *args, **kwargs)
        except NotServing:
            return await super().call_with_retry(do, *args, **kwargs)


class CheckedWhenIdle:
    """A connection that is checked before its first use after a long idle time.

    A NAT or firewall may have dropped it. Nothing has been sent yet, so it can reconnect.
    """

    def check_health(self) -> None:
        try:
            super().check_health()  # type: ignore[misc]
        except (ConnectionError, TimeoutError):
            self.next_health_check = time.monotonic() + self.health_check_interval  # type: ignore[attr-defined]
            self.connect()  # type: ignore[attr-defined]

    def _send_ping(self) -> None:
        _check_server(self, timeout=self.socket_connect_timeout)  # type: ignore[attr-defined]


class AsyncCheckedWhenIdle:
    async def check_health(self) -> None:
        try:
            await super().check_health()  # type: ignore[misc]
        except (ConnectionError, TimeoutError):
            self.next_health_check = asyncio.get_running_loop().time() + self.health_check_interval  # type: ignore[attr-defined]
            await self.connect()  # type: ignore[attr-defined]

    async def _send_ping(self) -> None:
        limit_s = self.socket_connect_timeout  # type: ignore[attr-defined]
        await self.send_command("HELLO", check_health=False)  # type: ignore[attr-defined]
        hello = await self.read_response(timeout=limit_s)  # type: ignore[attr-defined]
        if hello is None:
            raise TimeoutError(f"no reply within {limit_s} s")
        _check_hello(hello)


def _connected(connection: Any) -> None:
    connection.on_connect()
    _check_server(connection)


async def _connected_async(connection: Any) -> None:
    await connection.on_connect()
    await connection.send_command("HELLO")
    _check_hello(await connection.read_response())


def _check_server(connection: Any, **limits: float) -> None:
    connection.send_command("HELLO", check_health=False)
    _check_hello(connection.read_response(**limits))


def _check_hello(reply: Any) -> None:
    """Check the reply to HELLO. Raises `NotServing`, `UnsuitableRedis`."""
    pairs = reply.items() if isinstance(reply, dict) else zip(reply[::2], reply[1::2], strict=True)  # RESP2
    hello = {str_if_bytes(name): value for name, value in pairs}
    mode = str_if_bytes(hello.get("mode", ""))
    if mode == "cluster":
        raise UnsuitableRedis(CLUSTER)
    if mode == "sentinel":
        raise UnsuitableRedis(SENTINEL)
    version = str_if_bytes(hello.get("version", b""))
    if int(version.partition(".")[0] or OLDEST_REDIS) < OLDEST_REDIS:
        raise UnsuitableRedis(
            f"SUPERIMPOSE_REDIS_URL names a Redis {version}: use Redis {OLDEST_REDIS} or newer, or Valkey"
        )
    if str_if_bytes(hello.get("role", "")) == "replica":
        raise NotServing("the server is a replica")


OPTIONS: dict[str, Any] = {"parser_class": _Parser, "redis_connect_func": _connected}
ASYNC_OPTIONS: dict[str, Any] = {"parser_class": _AsyncParser, "redis_connect_func": _connected_async}
"""redis-py's options for such connections."""
