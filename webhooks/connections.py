"""Connections to receivers: each leads to an address that is judged at each send, and is kept for a while."""

import asyncio
import ssl
import time
from collections.abc import Sequence
from typing import Any

import certifi

from jobs.config.hosts import is_address
from jobs.network.guard import Guard
from jobs.network.urls import Target
from webhooks.connection import BLOCK, Answer, BrokenOff, Connection
from webhooks.resolver import Resolver

CONNECT_S = 5.0  # from the look-up of the name to the end of the TLS handshake
ADDRESSES_TRIED = 4
JUDGED_S = 1.0  # for which a judgement holds for a kept connection, as a look-up takes as long as an event
KEPT = 128


class Unreachable(Exception):
    """There is no connection; the text may hold addresses of our network."""


class Untrusted(Exception):
    """The receiver has no TLS, or no certificate for its name that we trust."""


def trusted_authorities() -> ssl.SSLContext:
    """certifi's."""
    return ssl.create_default_context(cafile=certifi.where())


class Connections:
    def __init__(self, guard: Guard, resolver: Resolver, tls: ssl.SSLContext) -> None:
        self._guard = guard
        self._resolver = resolver
        self._tls = tls
        self._kept: list[Connection] = []  # the one that was used last is the last

    async def ask(self, target: Target, request: bytes, lane: str) -> Answer:
        """The answer to a request for a receiver of this lane, over a connection that is kept or a new one.

        Raises `Unreachable`, `Untrusted`, `NoHttp`, OSError.
        """
        kept = await self._take(target, lane)
        if kept:
            try:
                return await self._ask(kept, request)
            except (ConnectionError, BrokenOff):  # it may end just as we use it, which says nothing
                pass
        return await self._ask(await self._connect(target, lane), request)

    def sweep(self) -> None:
        """Close what has not been used for a while."""
        kept, self._kept = self._kept, []
        for connection in kept:
            if connection.is_fresh:
                self._kept.append(connection)
            else:
                connection.close()

    def close(self) -> None:
        while self._kept:
            self._kept.pop().close()

    async def _ask(self, connection: Connection, request: bytes) -> Answer:
        try:
            return await connection.ask(request)
        finally:
            if connection.can_be_kept:
                self._keep(connection)
            else:
                connection.close()

    def _keep(self, connection: Connection) -> None:
        self._kept.append(connection)
        if len(self._kept) > KEPT:
            self._kept.pop(0).close()

    async def _take(self, target: Target, lane: str) -> Connection | None:
        """One that is kept, and leads where the receiver's name leads now."""
        long_ago = time.monotonic() - JUDGED_S
        if any(each.judged_at < long_ago for each in self._kept_for(target)):
            await self._judge_kept(target, lane)
        for connection in reversed(self._kept_for(target)):
            self._kept.remove(connection)
            if connection.is_fresh:
                return connection
            connection.close()
        return None

    def _kept_for(self, target: Target) -> list[Connection]:
        return [each for each in self._kept if each.origin == target[:3]]

    async def _judge_kept(self, target: Target, lane: str) -> None:
        try:
            async with asyncio.timeout(CONNECT_S):
                addresses = await self._judged(target, lane)
        except TimeoutError:
            raise Unreachable(f"no address within {CONNECT_S:g} s") from None
        for connection in self._kept_for(target):
            if connection.address in addresses:
                connection.judged_at = time.monotonic()
            else:
                connection.close()

    async def _connect(self, target: Target, lane: str) -> Connection:
        try:
            async with asyncio.timeout(CONNECT_S):
                return await self._connect_to_one_of(await self._judged(target, lane), target)
        except TimeoutError:
            raise Unreachable(f"no connection within {CONNECT_S:g} s") from None

    async def _judged(self, target: Target, lane: str) -> Sequence[str]:
        """Its addresses, each of which may be reached."""
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

    async def _connect_to_one_of(self, addresses: Sequence[str], target: Target) -> Connection:
        """By number, so that there is no second look-up for a rebinding name server to answer."""
        failure: Exception = Unreachable(target.host)
        is_secure = target.scheme == "https"
        addresses = addresses[:ADDRESSES_TRIED]
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
