"""A webhook receiver for tests: verifies events, responds with a given status and delay, and prints them."""

import json
import queue
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import typer

from cli.requests.output import print_fields
from cli.webhooks.verification import Unverified, verify
from jobs.timefmt import rfc3339

MAX_BODY_BYTES = 1024 * 1024  # an event has a few kilobytes
READ_TIMEOUT_S = 15


@dataclass(frozen=True)
class Received:
    """A POST; if `event` is None it was refused for the reason in `refusal`."""

    at: float
    webhook_id: str
    answer: int
    event: dict[str, Any] | None = None
    refusal: str | None = None


def as_object(received: Received, times: int) -> dict[str, Any]:
    """The `--json` output; `times` is how often this id has been received so far."""
    return {
        "received_at": rfc3339(received.at),
        "webhook_id": received.webhook_id,
        "times": times,
        "answer": received.answer,
        "refusal": received.refusal,
        "event": received.event,
    }


def print_received(received: Received, times: int) -> None:
    event = received.event or {}
    title = f"REFUSED, {received.refusal}" if received.event is None else f"{event.get('type')}"
    repeated = f", received {times} times" if times > 1 else ""
    shown_id = ascii(received.webhook_id)[1:-1]  # may hold control characters if the sender is not trusted
    typer.echo(f"{datetime.fromtimestamp(received.at):%H:%M:%S}  {title}")
    print_fields(
        {"answered": received.answer, "webhook-id": f"{shown_id}{repeated}"}
        | {name: value for name, value in event.items() if name != "type"}
    )


class Receiver(ThreadingHTTPServer):
    """One thread per connection, so that a delayed response does not delay others."""

    def __init__(self, listener: socket.socket, secret: bytes, status: int, delay_s: float) -> None:
        super().__init__(listener.getsockname(), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.secret = secret
        self.status = status
        self.delay_s = delay_s
        self.received: queue.SimpleQueue[Received] = queue.SimpleQueue()
        self.server_activate()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore senders that disconnect."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def receiving(
    listener: socket.socket, secret: bytes, status: int, delay_s: float
) -> Iterator[Iterator[Received]]:
    """An endless iterator over what is received; verified events get `status`. Closes the socket."""
    with Receiver(listener, secret, status, delay_s) as receiver:
        threading.Thread(target=receiver.serve_forever, daemon=True).start()
        try:
            yield iter(receiver.received.get, None)
        finally:
            receiver.shutdown()


class _Refused(Exception):
    """A response other than the configured one, and why."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    server: Receiver
    protocol_version = "HTTP/1.1"
    timeout = READ_TIMEOUT_S

    def do_POST(self) -> None:
        received_at, webhook_id = time.time(), self.headers.get("webhook-id", "")
        try:
            event = self._event(received_at)
        except _Refused as refused:
            self.server.received.put(Received(received_at, webhook_id, refused.status, refusal=str(refused)))
            self._reply(refused.status, str(refused))
            return
        self.server.received.put(Received(received_at, webhook_id, self.server.status, event))
        time.sleep(self.server.delay_s)
        self._reply(self.server.status)

    def _event(self, now: float) -> dict[str, Any]:
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
            raise _Refused(HTTPStatus.BAD_REQUEST, "correctly signed, but not a JSON object")
        return event

    def _body(self) -> bytes:
        """Raises `_Refused`."""
        length = self.headers.get("content-length", "")
        if not (length.isascii() and length.isdecimal()):
            raise self._refuse_unread(HTTPStatus.LENGTH_REQUIRED, "without a Content-Length")
        if len(length) > len(str(MAX_BODY_BYTES)) or int(length) > MAX_BODY_BYTES:
            why = f"a body of more than {MAX_BODY_BYTES:,} bytes"
            raise self._refuse_unread(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, why)
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            raise self._refuse_unread(HTTPStatus.BAD_REQUEST, "the connection has ended within the body")
        return body

    def _refuse_unread(self, status: HTTPStatus, why: str) -> _Refused:
        self.close_connection = True
        return _Refused(status, why)

    def _reply(self, status: int, text: str = "") -> None:
        self.send_response(status)
        if status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(len(text)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Nothing: the consumer of `received` prints."""
