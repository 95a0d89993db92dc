"""Requests refused before routing, for their head or their pace: checks and error responses."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from api.errors import RETRY_AFTER_S, ErrorCode
from api.http.responses import DEFAULTS

MAX_HEAD_BYTES = 32 * 1024
MAX_HEADERS = 100
VERSIONS = ("1.1", "1.0")

Headers = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Refusal:
    code: ErrorCode
    error: str

    def encoded(self) -> bytes:
        body = json.dumps({"error": self.error, "code": self.code}).encode()
        headers = {
            **DEFAULTS,
            "content-type": "application/json",
            "content-length": str(len(body)),
            "connection": "close",
        }
        status = HTTPStatus(self.code.status)
        if status is HTTPStatus.TOO_MANY_REQUESTS:
            headers["retry-after"] = str(RETRY_AFTER_S)
        lines = (f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"HTTP/1.1 {status.value} {status.phrase}\r\n{''.join(lines)}\r\n"
        return head.encode("ascii") + body


MALFORMED = Refusal(ErrorCode.MALFORMED_REQUEST, "this is not a well-formed HTTP/1.1 request (RFC 9112)")
"""Bytes that are not HTTP/1.1, or that two parsers could read as different requests."""

HEADERS_TOO_LARGE = Refusal(
    ErrorCode.HEADERS_TOO_LARGE,
    f"the headers are too large: at most {MAX_HEAD_BYTES:,} bytes and {MAX_HEADERS} headers are allowed",
)
INVALID_HOST = Refusal(ErrorCode.INVALID_HOST, "send exactly one Host header")
BUSY = Refusal(ErrorCode.BUSY, f"too many connections are open: try again in {RETRY_AFTER_S} seconds")


def slow_headers(timeout_s: float) -> Refusal:
    return Refusal(ErrorCode.SLOW_HEADERS, f"the headers did not arrive within {timeout_s:g} seconds")


def slow_body(timeout_s: float, rate: int) -> Refusal:
    text = f"the body arrives too slowly: it may take {timeout_s:g} seconds and one more per {rate:,} bytes"
    return Refusal(ErrorCode.SLOW_BODY, f"{text}; nothing was accepted, send URLs of the pictures instead")


def check_head(method: bytes, version: str, url: bytes, headers: Headers) -> Refusal | None:
    """The reason to refuse a request with this head, or None.

    The parser already refuses what RFC 9112 calls malformed: two lengths, obs-fold, NUL, bare CR or LF.
    """
    size = len(url) + sum([len(name) + len(value) for name, value in headers])
    if size > MAX_HEAD_BYTES or len(headers) > MAX_HEADERS:
        return HEADERS_TOO_LARGE
    names = [name for name, _ in headers]
    if version not in VERSIONS or method == b"CONNECT":  # a tunnel has no end
        return MALFORMED
    if version == "1.0" and b"transfer-encoding" in names:
        return MALFORMED
    if names.count(b"host") > 1 or (version == "1.1" and b"host" not in names):
        return INVALID_HOST
    return None


def strip_upgrade(method: bytes, version: str, url: bytes, headers: Headers) -> bytes:
    """The head as bytes, without Upgrade, which a server may ignore (RFC 9110, section 7.8)."""
    lines = [name + b": " + value for name, value in headers if name != b"upgrade"]
    return b"\r\n".join([b"%b %b HTTP/%b" % (method, url, version.encode()), *lines, b"", b""])
