"""A server of one picture that answers conditional requests."""

import re
import socket
from dataclasses import dataclass, field

from tests.worker.fetch.answers import requests, response


@dataclass
class Origin:
    """A handler for `serve`. `headers` are lines without line ends, `renewal` those of a 304."""

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
