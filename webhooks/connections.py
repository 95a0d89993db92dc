"""Connections to receivers: each is made to an address that was judged for it, and kept for a while."""

import asyncio
import ssl
from collections import defaultdict
from typing import Any

import certifi

from jobs.config.hosts import is_address
from jobs.network.guard import Guard
from jobs.network.urls import Target
from webhooks.connection import BLOCK, Answer, BrokenOff, Connection
from webhooks.resolver import Resolver

CONNECT_S = 5.0  # from the look-up of the name to the end of the TLS handshake
ADDRESSES_TRIED = 4

Origin = tuple[str, str, int]


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
        self._kept: defaultdict[Origin, list[Connection]] = defaultdict(list)

    async def ask(self, target: Target, request: bytes, lane: str) -> Answer:
        """The answer to a request for a receiver of this lane, over a connection that is kept or a new one.

        Raises `Unreachable`, `Untrusted`, `NoHttp`, OSError.
        """
        kept = self._take(target)
        if kept:
            try:
                return await self._ask(target, kept, request)
            except (ConnectionError, BrokenOff):  # it may end just as we use it, which says nothing
                pass
        return await self._ask(target, await self._connect(target, lane), request)

    def sweep(self) -> None:
        """Close what has not been used for a while."""
        for origin, kept in list(self._kept.items()):
            self._kept[origin] = [each for each in kept if each.is_fresh]
            for connection in kept:
                if not connection.is_fresh:
                    connection.close()
            if not self._kept[origin]:
                del self._kept[origin]

    def close(self) -> None:
        for kept in self._kept.values():
            for connection in kept:
                connection.close()
        self._kept.clear()

    async def _ask(self, target: Target, connection: Connection, request: bytes) -> Answer:
        try:
            return await connection.ask(request)
        finally:
            if connection.can_be_kept:
                self._kept[target[:3]].append(connection)
            else:
                connection.close()

    def _take(self, target: Target) -> Connection | None:
        kept = self._kept[target[:3]]
        while kept:
            connection = kept.pop()
            if connection.is_fresh:
                return connection
            connection.close()
        return None

    async def _connect(self, target: Target, lane: str) -> Connection:
        try:
            async with asyncio.timeout(CONNECT_S):
                return await self._connect_to_one_of(await self._judged(target, lane), target)
        except TimeoutError:
            raise Unreachable(f"no connection within {CONNECT_S:g} s") from None

    async def _judged(self, target: Target, lane: str) -> list[str]:
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
        return list(addresses[:ADDRESSES_TRIED])

    async def _connect_to_one_of(self, addresses: list[str], target: Target) -> Connection:
        """By number, so that there is no second look-up for a rebinding name server to answer."""
        failure: Exception = Unreachable(target.host)
        is_secure = target.scheme == "https"
        tls: dict[str, Any] = {"ssl": self._tls, "server_hostname": target.host} if is_secure else {}
        for address in addresses:
            try:
                async with asyncio.timeout(CONNECT_S / len(addresses)):
                    streams = await asyncio.open_connection(address, target.port, limit=BLOCK, **tls)
                return Connection(*streams)
            except ssl.SSLError as error:
                raise Untrusted(str(error)) from error
            except (OSError, TimeoutError) as error:
                failure = error
        raise Unreachable(str(failure) or "no connection in time") from failure
