"""The responses of the test servers."""

import socket
from collections.abc import Callable, Iterator

Answer = Callable[[socket.socket], None]


def requests(connection: socket.socket) -> Iterator[bytes]:
    """The head of every request that comes over `connection`, until the client closes it."""
    received = b""
    while data := connection.recv(65536):
        received += data
        while b"\r\n\r\n" in received:
            head, _, received = received.partition(b"\r\n\r\n")
            yield head


def says(*parts: bytes, close: bool = False) -> Answer:
    """Answers every request with the same bytes, in as many packets as there are parts."""

    def answer(connection: socket.socket) -> None:
        for _ in requests(connection):
            for part in parts:
                connection.sendall(part)
            if close:
                return

    return answer


def response(body: bytes = b"a picture", *, status: str = "200 OK", headers: str = "") -> bytes:
    """One complete response. `headers`, with CRLF after each line, replaces the content length."""
    fields = headers or f"content-length: {len(body)}\r\n"
    return f"HTTP/1.1 {status}\r\n{fields}\r\n".encode() + body


def repeats(head: bytes, part: bytes) -> Answer:
    """Sends `head`, then `part` for ever."""

    def answer(connection: socket.socket) -> None:
        for _ in requests(connection):
            connection.sendall(head)
            while True:
                connection.sendall(part)

    return answer


def redirects(location: str, status: str = "302 Found") -> bytes:
    """An empty redirect to `location`."""
    return response(b"", status=status, headers=f"location: {location}\r\ncontent-length: 0\r\n")
