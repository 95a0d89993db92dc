"""The httpcore backend that opens every connection: of first requests, redirects and retries.

It looks a host name up once, checks all its addresses, and connects to a checked address by number, so that a
rebinding name server gets no second look-up. httpcore still verifies TLS against the host name.
"""

import socket
import ssl
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

import httpcore

from jobs.config.hosts import is_address
from jobs.network.guard import Guard
from jobs.network.resolve import LOOKUPS_AT_ONCE, Resolve, resolve_in_thread
from worker.fetch.deadline import TICK_S, DeadlinePassed, time_left

READ_BYTES = 256 * 1024
"""Four times what httpcore requests: its overhead is per read."""

MAX_ADDRESSES = 6  # that are tried, sharing the connect timeout; all addresses of a name are checked


class Refused(httpcore.ConnectError):
    """The rules forbid this host or one of its addresses; no packet was sent."""


class Unknown(httpcore.ConnectError):
    """The name has no address, and the next attempt will hardly find one."""


class Untrusted(httpcore.ConnectError):
    """The server does not speak TLS, or has no trusted certificate for its name."""


class CheckedNetwork(httpcore.NetworkBackend):
    """Connects to allowed addresses only.

    Raises Refused, httpcore.ConnectError or httpcore.ConnectTimeout.
    """

    def __init__(self, guard: Guard, resolve: Resolve) -> None:
        self._guard = guard
        self._resolve = resolve
        self._free_lookups = threading.BoundedSemaphore(LOOKUPS_AT_ONCE)
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            addresses = self._checked_addresses(host, port)
            share = time_left(timeout) / len(addresses)
        except DeadlinePassed as passed:
            raise httpcore.ConnectTimeout(passed) from passed
        failure: Exception = Unknown(host)
        for address in addresses:
            try:
                stream = self._plain.connect_tcp(address, port, share, local_address, socket_options)
                return TimedStream(stream)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    def _checked_addresses(self, host: str, port: int) -> Sequence[str]:
        refusal = self._guard.refusal_of_host(host)
        addresses = [] if refusal else self._look_up(host, port)
        refusal = refusal or self._guard.refusal(host, addresses)
        if refusal:
            raise Refused(refusal)
        return addresses[:MAX_ADDRESSES]

    def _look_up(self, host: str, port: int) -> Sequence[str]:
        if is_address(host):
            return [host]
        try:
            found = self._resolve_in_time(host, port)
        except (OSError, UnicodeError) as error:
            kind = Unknown if error.args[:1] == (socket.EAI_NONAME,) else httpcore.ConnectError
            raise kind(f"{host} does not resolve: {error}") from error
        if not found:
            raise Unknown(f"{host} has no address")
        return found

    def _resolve_in_time(self, host: str, port: int) -> Sequence[str]:
        """Look a name up by the fetch's deadline, as `getaddrinfo` has none.

        Raises the error of the look-up, or httpcore.ConnectTimeout.
        """
        if not self._free_lookups.acquire(timeout=time_left()):
            raise httpcore.ConnectTimeout("all look-ups are busy")
        try:
            found = resolve_in_thread(self._resolve, host, port)
        except RuntimeError:  # out of threads
            self._free_lookups.release()
            raise
        found.add_done_callback(lambda _: self._free_lookups.release())
        try:
            return found.result(time_left())
        except TimeoutError:
            raise httpcore.ConnectTimeout("the name server did not answer in time") from None


class TimedStream(httpcore.NetworkStream):
    """A connection on which every operation ends by the deadline of the fetch that uses it."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        while (left_s := time_left(timeout)) > TICK_S:
            with suppress(httpcore.ReadTimeout):
                return self._inner.read(max(max_bytes, READ_BYTES), TICK_S)
        return self._inner.read(max(max_bytes, READ_BYTES), left_s)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, time_left(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        try:
            stream = self._inner.start_tls(ssl_context, server_hostname, time_left(timeout))
        except httpcore.ConnectError as error:
            raise Untrusted(error) from error
        return TimedStream(stream)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
