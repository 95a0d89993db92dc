"""uvicorn's HTTP/1.1 connection, with limits on the memory and time that a client can use.

uvicorn 0.54 over httptools limits neither the size of headers nor the time that headers and bodies take,
and never closes a connection that stays silent from the start. httptools takes the body of a request with an
Upgrade for the next request; such a head is parsed again without the Upgrade, which a server may ignore
(RFC 9110, section 7.8).
"""

import logging
import math
import socket
import sys
from asyncio import TimerHandle, Transport
from enum import Enum
from types import SimpleNamespace
from typing import Any, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from api.http import refusal
from api.http.refusal import Refusal
from api.http.responses import Encoded
from jobs.config.settings import Settings

MIN_RATE = 16 * 1024  # bytes per second of a body
MAX_FRAMING = 8  # bytes received per byte of body; chunks of one byte each take 6
LINGER_S = 2.0  # time for a refused client to read the response
LINGER_BYTES = 64 * 1024 * 1024  # discarded from a client that sends on after its response
MAX_LINGERING = 64  # connections above the limit that get a 429; further ones are reset

log = logging.getLogger("superimpose.api")


class Expected(Enum):
    HEAD = "head"
    BODY = "body"
    LEFTOVER = "leftover"  # the rest of a body whose request has been answered
    NOTHING = "nothing"  # the client waits for the response


class Connection(HttpToolsProtocol):
    """Refuses malformed, oversized and slow requests with 400, and excess connections with 429."""

    timeout_s: float
    max_connections: int
    keep_alive: Encoded

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._in_head = self._in_body = self._refused = False
        self._body_bytes = 0
        self._droppable = math.inf
        self._fault = refusal.MALFORMED
        self._timer: TimerHandle | None = None
        self._running: RequestResponseCycle | None = None
        self._expect(Expected.NOTHING)

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._response_transport = SimpleNamespace(
            write=transport.write, is_closing=transport.is_closing, close=self._close_once_read
        )
        _drop_if_unread(transport, self.timeout_s)
        excess = len(self.connections) - self.max_connections
        if excess == 1:
            log.warning("more than MAX_CONNECTIONS = %d connections are open", self.max_connections)
        if excess > MAX_LINGERING:
            transport.abort()
        elif excess > 0:
            self._refuse(refusal.BUSY)
        else:
            self._expect(Expected.HEAD)

    def connection_lost(self, exc: Exception | None) -> None:
        """Signal the disconnect to the running request; uvicorn signals it only to the newest one."""
        if self._running:
            self._running.disconnected = True
            self._running.message_event.set()
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        self._set_timer(None)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            self._droppable -= len(data)
            if self._droppable < 0:
                self.transport.close()
            return
        self._unset_keepalive_if_required()
        try:
            self._parse(data)
        except HttpParserError:
            self._refuse(self._fault)
            return
        expected = self._next()
        if expected is not self._expected:
            self._expect(expected)
        elif expected is not Expected.NOTHING:
            self._received += len(data)
            self._refuse_endless()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._expected is not Expected.NOTHING:
            self._expect(Expected.NOTHING)
        self._in_head = True

    def on_headers_complete(self) -> None:
        method, version = self.parser.get_method(), self.parser.get_http_version()
        fault = refusal.check_head(method, version, self.url, self.headers)
        if fault:
            self._fault = fault
            raise ValueError(fault.code)
        if self.parser.should_upgrade():
            return  # `_parse` parses the head again
        super().on_headers_complete()
        self.headers = []  # the parser appends trailers to this list; they are not headers of the request
        self._in_head, self._in_body, self._body_bytes = False, True, 0

    def on_body(self, body: bytes) -> None:
        super().on_body(body)
        self._body_bytes += len(body)

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():
            return
        super().on_message_complete()
        self._in_body = False

    def on_response_complete(self) -> None:
        """Called once the response is written, perhaps before the whole body has arrived."""
        super().on_response_complete()
        if self._refused:
            self._unset_keepalive_if_required()
        elif self._next() is Expected.LEFTOVER:
            self._unset_keepalive_if_required()
            self._expect(Expected.LEFTOVER)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        cycle.transport = cast(Transport, self._response_transport)
        if cycle.waiting_for_100_continue:  # the body may follow or not (RFC 9110, section 10.1.1)
            cycle.default_headers = [*cycle.default_headers, (b"connection", b"close")]
        elif cycle.keep_alive:
            cycle.default_headers = [*cycle.default_headers, self.keep_alive]
        super()._start_asgi_task(cycle, app)

    def _parse(self, data: bytes) -> None:
        """Feed the parser. It stops after a head with an Upgrade; a new parser continues from there."""
        rest = memoryview(data)
        while True:
            try:
                self.parser.feed_data(rest)
            except HttpParserUpgrade as stopped:
                rest = rest[stopped.args[0] :]
                self._parse_head_without_upgrade()
            else:
                return

    def _parse_head_without_upgrade(self) -> None:
        method, version = self.parser.get_method(), self.parser.get_http_version()
        head = refusal.strip_upgrade(method, version, self.url, self.headers)
        self.parser = HttpRequestParser(self)
        self.parser.feed_data(head)

    def _next(self) -> Expected:
        answered = self.cycle is None or self.cycle.response_complete
        if self._in_body:
            return Expected.LEFTOVER if answered else Expected.BODY
        return Expected.HEAD if self._in_head or answered else Expected.NOTHING

    def _expect(self, expected: Expected) -> None:
        self._expected = expected
        self._since = self.loop.time()
        self._received = 0
        self._set_timer(None if expected is Expected.NOTHING else self.timeout_s)

    def _set_timer(self, seconds: float | None) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = None if seconds is None else self.loop.call_later(seconds, self._on_timer)

    def _on_timer(self) -> None:
        if self._refused or self._expected is Expected.LEFTOVER:
            self.transport.close()
        elif self.flow.read_paused:
            self._set_timer(self.timeout_s)  # the application does not read: not the client's fault
        elif self._expected is Expected.BODY:
            self._refuse_slow_body()
        elif self._in_head:
            self._refuse(refusal.slow_headers(self.timeout_s))
        else:
            self.transport.close()

    def _refuse_slow_body(self) -> None:
        left_s = self._since + self.timeout_s + self._body_bytes / MIN_RATE - self.loop.time()
        if left_s > 0:
            self._set_timer(left_s)
        else:
            self._refuse(refusal.slow_body(self.timeout_s, MIN_RATE))

    def _refuse_endless(self) -> None:
        if self._expected is Expected.LEFTOVER and self._received > LINGER_BYTES:
            self.transport.close()
        elif self._expected is Expected.HEAD and self._received > refusal.MAX_HEAD_BYTES:
            self._refuse(refusal.HEADERS_TOO_LARGE)
        elif self._received > MAX_FRAMING * (refusal.MAX_HEAD_BYTES + self._body_bytes):
            self._refuse(refusal.MALFORMED)

    def _refuse(self, reason: Refusal) -> None:
        if self._refused or self.transport.is_closing():
            return
        self._refused = True
        unanswered = self.cycle is not None and not self.cycle.response_complete
        if unanswered and not self._in_body:
            self._set_timer(None)
            self.cycle.keep_alive = False  # an earlier, complete request gets its response; then close
        elif self.pipeline or (self._in_body and self.cycle.response_started):
            self.transport.close()
        else:
            self._send_refusal(reason)

    def _send_refusal(self, reason: Refusal) -> None:
        self.transport.write(reason.encoded())
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self._linger(LINGER_S)

    def _close_once_read(self) -> None:
        """Close after a response, which may precede the rest of its request's body."""
        if self.transport.is_closing():
            return
        if self._in_body or self._refused:
            self._linger(self.timeout_s)
        else:
            self.transport.close()

    def _linger(self, seconds: float) -> None:
        """Close in two steps: a reset may lose the response of a client that still sends (RFC 9112, 9.6)."""
        self._refused = True
        self._droppable = LINGER_BYTES
        self.pipeline.clear()
        self.transport.write_eof()
        self._set_timer(seconds)


def connection_class(settings: Settings) -> type[Connection]:
    class Configured(Connection):
        timeout_s = settings.client_timeout_s
        max_connections = settings.max_connections
        keep_alive = (b"keep-alive", b"timeout=%d" % settings.keep_alive_s)

    return Configured


def _drop_if_unread(transport: Transport, timeout_s: float) -> None:
    """Let the kernel drop a connection whose peer has not read its response for `timeout_s`."""
    if sys.platform == "linux":
        milliseconds = int(timeout_s * 1000)
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
