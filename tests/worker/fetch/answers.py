"""The responses of the test servers."""

import re
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

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


@dataclass
class Origin:
    """The answers of a server of one picture, which knows conditional requests.

    `headers` are lines without line ends, `renewal` those of a 304.
    """

    headers: tuple[str, ...] = ()
    body: bytes = b"a picture"
    etag: str | None = None
    renewal: tuple[str, ...] = ()
    asked: list[bytes] = field(default_factory=list)

    def __call__(self, connection: socket.socket) -> None:
        for head in requests(connection):
            self.asked.append(head)
            connection.sendall(self._answer(head))

    def _answer(self, head: bytes) -> bytes:
        wanted = re.search(rb"(?mi)^if-none-match: ?(.*?)\r?$", head)
        if self.etag and wanted and wanted[1].decode() == self.etag:
            return response(
                b"", status="304 Not Modified", headers=_lines(f"etag: {self.etag}", *self.renewal)
            )
        tag = (f"etag: {self.etag}",) if self.etag else ()
        return response(self.body, headers=_lines(f"content-length: {len(self.body)}", *tag, *self.headers))


def _lines(*headers: str) -> str:
    return "".join(f"{header}\r\n" for header in headers)
