"""The cheapest HTTP client there is, so that what is measured is the server; and ways to load one."""

import selectors
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

PATIENCE_S = 60
THREADS = 16
CONNECTIONS = 16

Call = tuple[str, str, bytes]
"""Method, path, body."""


class UnexpectedAnswer(Exception):
    """An answer that is not 200."""


class Connection:
    """A kept connection that knows as much HTTP as our servers' answers need."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self._host, _, port = url.removeprefix("http://").partition(":")
        self._port = int(port)
        lines = {"Host": f"{self._host}:{port}", **headers}
        self._headers = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self.socket = self._open()

    def call(self, method: str, path: str, body: bytes = b"") -> bytes:
        """The body of a 200. Raises `UnexpectedAnswer`."""
        message = self.message(method, path, body)
        try:
            self.socket.sendall(message)
            return self.receive()
        except ConnectionError:  # the server closed it while it was idle
            self.socket.close()
            self.socket = self._open()
            self.socket.sendall(message)
            return self.receive()

    def message(self, method: str, path: str, body: bytes = b"") -> bytes:
        about = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
        return f"{method} {path} HTTP/1.1\r\n{self._headers}{about}\r\n".encode() + body

    def receive(self) -> bytes:
        """The body of the next answer."""
        received = self._more()
        while b"\r\n\r\n" not in received:
            received += self._more()
        head, _, first = received.partition(b"\r\n\r\n")
        parts, missing = [first], _body_length(head) - len(first)
        while missing > 0:
            parts.append(self._more())
            missing -= len(parts[-1])
        body = b"".join(parts)
        if head[9:12] != b"200":
            raise UnexpectedAnswer(f"{head[9:12].decode()} {body[:500]!r}")
        return body

    def _open(self) -> socket.socket:
        opened = socket.create_connection((self._host, self._port), timeout=PATIENCE_S)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return opened

    def _more(self) -> bytes:
        received = self.socket.recv(1 << 20)
        if not received:
            raise ConnectionResetError("the server closed the connection")
        return received


def _body_length(head: bytes) -> int:
    _, found, rest = head.lower().partition(b"\r\ncontent-length:")
    if not found:
        raise UnexpectedAnswer(f"no length: {head!r}")
    return int(rest.partition(b"\r\n")[0])


def requests_per_s(url: str, path: str, headers: Mapping[str, str], seconds: float) -> float:
    """Answers a second to a GET over several connections, each asking again as soon as it is answered."""
    selector, answers = selectors.DefaultSelector(), 0
    connections = [Connection(url, headers) for _ in range(CONNECTIONS)]
    message = connections[0].message("GET", path)
    for connection in connections:
        selector.register(connection.socket, selectors.EVENT_READ, connection)
        connection.socket.sendall(message)
    start = time.perf_counter()
    while (now := time.perf_counter()) - start < seconds:
        for key, _ in selector.select():
            key.data.receive()
            answers += 1
            key.data.socket.sendall(message)
    for connection in connections:
        connection.socket.close()
    return answers / (now - start)


def open_loop_ms(connect: Callable[[], Connection], calls: Sequence[Call], per_s: float) -> list[float]:
    """Latencies of calls at a steady pace, whatever the answers take: from when each was due."""
    mine = threading.local()

    def make(call: Call, due: float) -> float:
        if not hasattr(mine, "connection"):
            mine.connection = connect()
        mine.connection.call(*call)
        return 1000 * (time.perf_counter() - due)

    with ThreadPoolExecutor(THREADS) as threads:
        start, answers = time.perf_counter(), []
        for number, call in enumerate(calls):
            due = start + number / per_s
            time.sleep(max(0.0, due - time.perf_counter()))
            answers.append(threads.submit(make, call, due))
        return [answer.result() for answer in answers]
