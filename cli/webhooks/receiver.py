"""A server that takes events, answers them as it is told to, and hands on what has come."""

import json
import queue
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cli.webhooks.verification import Unverified, verify

MAX_BODY_BYTES = 1024 * 1024
"""An event has a few kilobytes."""
SILENCE_S = 15


@dataclass(frozen=True)
class Answers:
    """How events are answered that can be trusted."""

    status: int = HTTPStatus.NO_CONTENT
    delay_s: float = 0


@dataclass(frozen=True)
class Received:
    """A POST that has come; without an `event` it was refused, and `refusal` says why."""

    at: float
    webhook_id: str
    answer: int
    event: dict[str, Any] | None = None
    refusal: str | None = None


class Receiver(ThreadingHTTPServer):
    """A thread for each connection, so that an answer that is delayed delays no other."""

    def __init__(self, listener: socket.socket, secret: bytes, answers: Answers) -> None:
        super().__init__(listener.getsockname(), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.secret = secret
        self.answers = answers
        self.received: queue.SimpleQueue[Received] = queue.SimpleQueue()
        self.server_activate()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A sender that has gone is no fault of ours."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def receiving(listener: socket.socket, secret: bytes, answers: Answers) -> Iterator[Iterator[Received]]:
    """What comes in, without an end; closes the socket."""
    with Receiver(listener, secret, answers) as receiver:
        threading.Thread(target=receiver.serve_forever, daemon=True).start()
        try:
            yield iter(receiver.received.get, None)
        finally:
            receiver.shutdown()


class _Refused(Exception):
    """An answer other than the one that was asked for, and why."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    server: Receiver
    protocol_version = "HTTP/1.1"
    timeout = SILENCE_S

    def do_POST(self) -> None:
        answers, came = self.server.answers, time.time()
        webhook_id = self.headers.get("webhook-id", "")
        try:
            event = self._event(came)
        except _Refused as refused:
            self.server.received.put(Received(came, webhook_id, refused.status, refusal=str(refused)))
            self._answer(refused.status, str(refused))
            return
        self.server.received.put(Received(came, webhook_id, answers.status, event))
        time.sleep(answers.delay_s)
        self._answer(answers.status)

    def _event(self, now: float) -> dict[str, Any]:
        """Raises `_Refused`."""
        body = self._body()
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            verify(self.server.secret, headers, body, now)
            event = json.loads(body)
        except Unverified as error:
            raise _Refused(HTTPStatus.BAD_REQUEST, str(error)) from None
        except ValueError:
            event = None
        if not isinstance(event, dict):
            raise _Refused(HTTPStatus.BAD_REQUEST, "signed as it should be, but no JSON object")
        return event

    def _body(self) -> bytes:
        """Raises `_Refused`."""
        length = self.headers.get("content-length", "")
        if not (length.isascii() and length.isdecimal()):
            raise self._unread(HTTPStatus.LENGTH_REQUIRED, "without a Content-Length")
        if len(length) > len(str(MAX_BODY_BYTES)) or int(length) > MAX_BODY_BYTES:
            why = f"a body of more than {MAX_BODY_BYTES:,} bytes"
            raise self._unread(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, why)
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            raise self._unread(HTTPStatus.BAD_REQUEST, "the connection has ended within the body")
        return body

    def _unread(self, status: HTTPStatus, why: str) -> _Refused:
        self.close_connection = True
        return _Refused(status, why)

    def _answer(self, status: int, text: str = "") -> None:
        self.send_response(status)
        if status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(len(text)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """What has come is shown by who reads `received`."""
