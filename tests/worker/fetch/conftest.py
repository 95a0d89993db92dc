"""Loopback servers with the responses of a test, and fetchers that may reach them."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress

import pytest

from worker.fetch import Fetcher, FetchRules

Answer = Callable[[socket.socket], None]
Serve = Callable[..., "Server"]

LOOPBACK = ("127.0.0.1/32",)
RULES = FetchRules(allow_networks=LOOPBACK, max_bytes=1_000_000, total_timeout_s=60)
TLS = ssl.create_default_context()  # reading the authorities anew for each test would take most of the time


class Server:
    """A loopback port; each connection is passed to `answer` and closed when it returns."""

    def __init__(self, answer: Answer, tls: ssl.SSLContext | None = None) -> None:
        self._answer = answer
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.connections = 0
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}/cup.jpg"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                self._open.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            if self._tls is None:
                self._answer(connection)
            else:
                with self._tls.wrap_socket(connection, server_side=True) as secured:
                    self._answer(secured)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._thread.join()


@pytest.fixture
def serve() -> Iterator[Serve]:
    """`serve(answer)` starts a server for the length of the test."""
    with ExitStack() as stack:

        def start(answer: Answer, tls: ssl.SSLContext | None = None) -> Server:
            server = Server(answer, tls)
            stack.callback(server.close)
            return server

        yield start


@pytest.fixture
def fetcher() -> Iterator[Fetcher]:
    """A fetcher that may reach loopback, limited to a megabyte and a minute."""
    with Fetcher(RULES, ssl_context=TLS) as fetcher:
        yield fetcher
