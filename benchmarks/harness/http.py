"""The cheapest HTTP client there is, so that what is measured is the server."""

import socket
from collections.abc import Mapping

PATIENCE_S = 60


class UnexpectedAnswer(Exception):
    """An answer that is not 200."""


class Connection:
    """A kept connection that knows as much HTTP as our servers' answers need."""

    def __init__(self, url: str, headers: Mapping[str, str] | None = None) -> None:
        self._host, _, port = url.removeprefix("http://").partition(":")
        self._port = int(port)
        lines = {"Host": f"{self._host}:{port}", **(headers or {})}
        self._headers = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self._socket = self._open()

    def call(self, method: str, path: str, body: bytes = b"") -> bytes:
        """The body of a 200. Raises `UnexpectedAnswer`."""
        message = self.request(method, path, body)
        try:
            return self._exchange(message)
        except ConnectionError:  # the server closed it while it was idle
            self._socket.close()
            self._socket = self._open()
            return self._exchange(message)

    def request(self, method: str, path: str, body: bytes = b"") -> bytes:
        """What goes over the wire."""
        about = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
        return f"{method} {path} HTTP/1.1\r\n{self._headers}{about}\r\n".encode() + body

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def _open(self) -> socket.socket:
        opened = socket.create_connection((self._host, self._port), timeout=PATIENCE_S)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return opened

    def _exchange(self, message: bytes) -> bytes:
        self._socket.sendall(message)
        received = self._more()
        while b"\r\n\r\n" not in received:
            received += self._more()
        head, _, first = received.partition(b"\r\n\r\n")
        parts, missing = [first], body_length(head) - len(first)
        while missing > 0:
            parts.append(self._more())
            missing -= len(parts[-1])
        body = b"".join(parts)
        if head[9:12] != b"200":
            raise UnexpectedAnswer(f"{head[9:12].decode()} {body[:500]!r}")
        return body

    def _more(self) -> bytes:
        received = self._socket.recv(1 << 20)
        if not received:
            raise ConnectionResetError("the server closed the connection")
        return received


def body_length(head: bytes) -> int:
    """What the head of an answer says."""
    _, found, rest = head.lower().partition(b"\r\ncontent-length:")
    if not found:
        raise UnexpectedAnswer(f"no length: {head!r}")
    return int(rest.partition(b"\r\n")[0])
