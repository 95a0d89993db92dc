"""Receivers of events on loopback that respond as a test wants."""

import hmac
import socket
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from tests.in_thread import in_thread
from tests.webhook_events import completed
from tests.worker.fetch.answers import requests

PATIENCE_S = 60


@dataclass(frozen=True)
class Got:
    """One call; names of headers in lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def message_id(self) -> str:
        return self.headers["webhook-id"]

    def is_signed_with(self, secret: str) -> bool:
        """By the rules of Standard Webhooks, written down here once more."""
        signed = f"{self.message_id}.{self.headers['webhook-timestamp']}.".encode() + self.body
        key = b64decode(secret.removeprefix("whsec_"))
        expected = "v1," + b64encode(hmac.digest(key, signed, "sha256")).decode()
        return expected in self.headers["webhook-signature"].split(" ")


Answer = tuple[int, Mapping[str, str]]


@dataclass
class Receiver:
    """`answers` says what a call gets: a status and headers."""

    url: str = ""
    got: list[Got] = field(default_factory=list)
    answers: Callable[[Got], Answer] = lambda _: (204, {})
    connections: int = 0

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 0

    def await_calls(self, count: int) -> list[Got]:
        deadline = time.monotonic() + PATIENCE_S
        while len(self.got) < count:
            assert time.monotonic() < deadline, f"{len(self.got)} of {count} calls came"
            time.sleep(0.01)
        return self.got


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            receiver.connections += 1
            super().setup()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            call = Got(self.path, {name.lower(): text for name, text in self.headers.items()}, body)
            status, headers = receiver.answers(call)
            receiver.got.append(call)
            self.send_response(status)
            for name, text in headers.items():
                self.send_header(name, text)
            if status != 204:
                self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

    with in_thread(Server(("127.0.0.1", 0), Handler)) as server:
        receiver.url = f"http://127.0.0.1:{server.server_port}/hooks?key=1"
        yield receiver


def answering(*parts, then=lambda _: None):
    """Sends these bytes in response to each request, then calls `then` with the connection."""

    def answer(connection: socket.socket) -> None:
        for _ in requests(connection):
            for part in parts:
                connection.sendall(part)
            then(connection)

    return answer


def outcome(transitions, key_id, await_log, url) -> tuple:
    """Status and error of the first attempt."""
    made = await_log(completed(transitions, key_id, url), attempts=1).attempts[0]
    return made.status, made.error
