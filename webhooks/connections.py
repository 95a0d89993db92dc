"""A pool of connections to receivers, whose addresses are looked up and checked at each send."""

import asyncio
import ssl
import time
from collections.abc import Sequence
from typing import Any

import certifi

from jobs.config.hosts import is_address
from jobs.network.guard import Guard
from jobs.network.resolve import LOOKUPS_AT_ONCE, Resolve, resolve_in_thread, system_resolve
from jobs.network.urls import Target
from jobs.webhooks.schedule import LANES
from webhooks.connection import BLOCK, Connection, Response

CONNECT_S = 5.0  # from the look-up of the name to the end of the TLS handshake
MAX_ADDRESSES = 4  # that are tried for one connection
CHECKED_S = 1.0  # how long a check of a pooled connection holds, as a look-up takes as long as an event
POOL_SIZE = 128


Name = tuple[str, int, str]  # host, port, lane


class Unreachable(Exception):
    """No connection was made; the text may contain addresses of our network."""


class Untrusted(Exception):
    """The receiver has no TLS, or no trusted certificate for its name."""


class Resolver:
    """Looks names up in daemon threads, which may outlive the attempt but not the process.

    Concurrent look-ups of a name share one thread, so a dead name server blocks one for each of its names.
    Each lane has its own threads, so that hanging look-ups of others do not delay proven receivers.
    """

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self._slots = {lane: asyncio.Semaphore(LOOKUPS_AT_ONCE) for lane in LANES}
        self._in_flight: dict[Name, asyncio.Task[Sequence[str]]] = {}

    async def __call__(self, host: str, port: int, lane: str) -> Sequence[str]:
        """Raises OSError, UnicodeError."""
        name = host, port, lane
        task = self._in_flight.get(name)
        if task is None:
            task = self._in_flight[name] = asyncio.create_task(self._look_up(*name))
            task.add_done_callback(lambda ended: self._forget(name, ended))
        return await asyncio.shield(task)

    async def _look_up(self, host: str, port: int, lane: str) -> Sequence[str]:
        async with self._slots[lane]:
            return await asyncio.wrap_future(resolve_in_thread(self._resolve, host, port))

    def _forget(self, name: Name, ended: "asyncio.Task[Sequence[str]]") -> None:
        del self._in_flight[name]
        if not ended.cancelled():
            ended.exception()  # mark it as retrieved, as all callers may have timed out


class Connections:
    """`resolve` and `tls` replace the system's look-up and certifi's authorities."""

    def __init__(
        self, guard: Guard, resolve: Resolve = system_resolve, tls: ssl.SSLContext | None = None
    ) -> None:
        self._guard = guard
        self._resolver = Resolver(resolve)
        self._tls = tls or ssl.create_default_context(cafile=certifi.where())
        self._pool: list[Connection] = []  # the least recently used first

    async def send(self, target: Target, request: bytes, lane: str) -> Response:
        """Send a request to a receiver of this lane, over a pooled or a new connection.

        Raises `Unreachable`, `Untrusted`, `InvalidResponse`, OSError.
        """
        pooled = await self._take(target, lane)
        if pooled:
            try:
                return await self._send(pooled, request)
            except ConnectionError:  # closed while idle: use a new connection
                pass
        return await self._send(await self._connect(target, lane), request)

    def sweep(self) -> None:
        """Close idle connections."""
        for connection in self._pool[:]:
            if not connection.is_fresh:
                self._pool.remove(connection)
                connection.close()

    def close(self) -> None:
        while self._pool:
            self._pool.pop().close()

    async def _send(self, connection: Connection, request: bytes) -> Response:
        try:
            return await connection.send(request)
        finally:
            if connection.is_reusable:
                self._release(connection)
            else:
                connection.close()

    def _release(self, connection: Connection) -> None:
        self._pool.append(connection)
        if len(self._pool) > POOL_SIZE:
            self._pool.pop(0).close()

    async def _take(self, target: Target, lane: str) -> Connection | None:
        """A pooled connection to a current address of the receiver."""
        deadline = time.monotonic() - CHECKED_S
        if any(each.checked_at < deadline for each in self._pooled(target)):
            await self._check_pooled(target, lane)
        for connection in reversed(self._pooled(target)):
            self._pool.remove(connection)
            if connection.is_fresh:
                return connection
            connection.close()
        return None

    def _pooled(self, target: Target) -> list[Connection]:
        return [each for each in self._pool if each.origin == target[:3]]

    async def _check_pooled(self, target: Target, lane: str) -> None:
        try:
            async with asyncio.timeout(CONNECT_S):
                addresses = await self._allowed_addresses(target, lane)
        except TimeoutError:
            raise Unreachable(f"no address within {CONNECT_S:g} s") from None
        for connection in self._pooled(target):
            if connection.address in addresses:
                connection.checked_at = time.monotonic()
            else:
                connection.close()

    async def _connect(self, target: Target, lane: str) -> Connection:
        try:
            async with asyncio.timeout(CONNECT_S):
                return await self._connect_to_any(await self._allowed_addresses(target, lane), target)
        except TimeoutError:
            raise Unreachable(f"no connection within {CONNECT_S:g} s") from None

    async def _allowed_addresses(self, target: Target, lane: str) -> Sequence[str]:
        """All addresses of the receiver. Raises `Unreachable` if one of them is not allowed."""
        host = target.host
        refusal = self._guard.refusal_of_host(host)
        if refusal:
            raise Unreachable(refusal)
        try:
            addresses = [host] if is_address(host) else await self._resolver(host, target.port, lane)
        except (OSError, UnicodeError) as error:
            raise Unreachable(f"{host} does not resolve: {error}") from error
        refusal = self._guard.refusal(host, addresses)
        if refusal or not addresses:
            raise Unreachable(refusal or f"{host} has no address")
        return addresses

    async def _connect_to_any(self, addresses: Sequence[str], target: Target) -> Connection:
        """Connect by address, as a rebinding name server could answer a second look-up differently."""
        failure: Exception = Unreachable(target.host)
        is_secure = target.scheme == "https"
        addresses = addresses[:MAX_ADDRESSES]
        tls: dict[str, Any] = {"ssl": self._tls, "server_hostname": target.host} if is_secure else {}
        for address in addresses:
            try:
                async with asyncio.timeout(CONNECT_S / len(addresses)):
                    streams = await asyncio.open_connection(address, target.port, limit=BLOCK, **tls)
                return Connection(target[:3], address, *streams)
            except ssl.SSLError as error:
                raise Untrusted(str(error)) from error
            except (OSError, TimeoutError) as error:
                failure = error
        raise Unreachable(str(failure) or "no connection in time") from failure
