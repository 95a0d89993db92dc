"""One connection: uvicorn's HTTP/1.1, with a bound on all that a client can make us keep or wait for.

uvicorn 0.54 over httptools bounds neither the bytes of headers nor the time that headers and bodies take,
and never closes a connection on which nothing comes. httptools takes the body of a request with an
Upgrade for the next request; here such a head is parsed again without it, for an Upgrade that is not made is
ignored (RFC 9110, section 7.8).
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
from api.http.headers import Encoded
from api.http.refusal import Refusal
from jobs.config.settings import Settings

MIN_RATE = 16 * 1024  # bytes a second that a body may come at, however large
MAX_FRAMING = 8  # bytes received per byte of body; chunks of one byte each are 6
LINGER_S = 2.0  # for a client that was refused to read why
LINGER_BYTES = 64 * 1024 * 1024  # that such a client may still send, and one that was answered early
MAX_LINGERING = 64  # connections above the limit that are still told so

log = logging.getLogger("superimpose.api")


class Expected(Enum):
    HEAD = "head"
    BODY = "body"
    LEFTOVER = "leftover"  # of a body whose request has been answered
    NOTHING = "nothing"  # it is our turn


class Connection(HttpToolsProtocol):
    """Refuses what is malformed, too large or too slow with 400, and a connection too many with 429."""

    timeout_s: float
    max_connections: int
    keep_alive: Encoded

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._in_head = self._in_body = self._refused = False
        self._body_bytes = 0
        self._droppable = math.inf
        self._fault = refusal.malformed()
        self._timer: TimerHandle | None = None
        self._running: RequestResponseCycle | None = None
        self._expect(Expected.NOTHING)

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Give it a deadline for its first request, or refuse it for being one too many."""
        super().connection_made(transport)
        self._answers = SimpleNamespace(
            write=transport.write, is_closing=transport.is_closing, close=self._close_once_read
        )
        _drop_if_unread(transport, self.timeout_s)
        too_many = len(self.connections) - self.max_connections
        if too_many == 1:
            log.warning("more than MAX_CONNECTIONS = %d connections are open", self.max_connections)
        if too_many > MAX_LINGERING:
            transport.abort()
        elif too_many > 0:
            self._refuse(refusal.busy())
        else:
            self._expect(Expected.HEAD)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadlines, and tell the request being answered: uvicorn tells only the newest."""
        if self._running:
            self._running.disconnected = True
            self._running.message_event.set()
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        self._set_timer(None)

    def data_received(self, data: bytes) -> None:
        """Parse, then see to it that what is still to come comes soon and is not endless."""
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
            return  # `_parse` has it read again
        super().on_headers_complete()
        self.headers = []  # what the parser adds from here on are trailers, and those are no headers
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
        """Called when an answer is written, which may be before all of its request has come."""
        super().on_response_complete()
        if self._refused:
            self._unset_keepalive_if_required()
        elif self._next() is Expected.LEFTOVER:
            self._unset_keepalive_if_required()
            self._expect(Expected.LEFTOVER)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        cycle.transport = cast(Transport, self._answers)
        if cycle.waiting_for_100_continue:  # its body may come or not (RFC 9110, section 10.1.1)
            cycle.default_headers = [*cycle.default_headers, (b"connection", b"close")]
        elif cycle.keep_alive:
            cycle.default_headers = [*cycle.default_headers, self.keep_alive]
        super()._start_asgi_task(cycle, app)

    def _parse(self, data: bytes) -> None:
        """Feed the parser. It stops after a head with an Upgrade; a new one goes on from there."""
        rest = memoryview(data)
        while True:
            try:
                self.parser.feed_data(rest)
            except HttpParserUpgrade as stopped:
                rest = rest[stopped.args[0] :]
                self._read_head_again()
            else:
                return

    def _read_head_again(self) -> None:
        """Parse the head without its Upgrade, so that its body is read as any other's."""
        method, version = self.parser.get_method(), self.parser.get_http_version()
        again = refusal.strip_upgrade(method, version, self.url, self.headers)
        self.parser = HttpRequestParser(self)
        self.parser.feed_data(again)

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
            self._set_timer(self.timeout_s)  # it is we who do not read
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
            self._refuse(refusal.headers_too_large())
        elif self._received > MAX_FRAMING * (refusal.MAX_HEAD_BYTES + self._body_bytes):
            self._refuse(refusal.malformed())

    def _refuse(self, answer: Refusal) -> None:
        if self._refused or self.transport.is_closing():
            return
        self._refused = True
        unanswered = self.cycle is not None and not self.cycle.response_complete
        if unanswered and not self._in_body:
            self._set_timer(None)
            self.cycle.keep_alive = False  # an earlier request, whole, gets its answer; then we close
        elif self.pipeline or (self._in_body and self.cycle.response_started):
            self.transport.close()
        else:
            self._answer(answer)

    def _answer(self, answer: Refusal) -> None:
        self.transport.write(answer.encoded())
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self._linger(LINGER_S)

    def _close_once_read(self) -> None:
        """Close after an answer, also where its request still comes: a call may be refused by its head."""
        if self.transport.is_closing():
            return
        if self._in_body or self._refused:
            self._linger(self.timeout_s)
        else:
            self.transport.close()

    def _linger(self, seconds: float) -> None:
        """Close in two steps: a reset would lose the answer of a client that still sends (RFC 9112, 9.6)."""
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
    """Let the kernel end a connection whose peer has read nothing of its answer for that long."""
    if sys.platform == "linux":
        milliseconds = int(timeout_s * 1000)
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
