"""What makes a request's line and headers, well-formed as they are, not worth reading on."""

from collections.abc import Sequence

from api.http import refusal
from api.http.refusal import Refusal

MAX_BYTES = 32 * 1024
MAX_HEADERS = 100
VERSIONS = ("1.1", "1.0")


def fault(method: bytes, version: str, url: bytes, headers: Sequence[tuple[bytes, bytes]]) -> Refusal | None:
    """Why a request with these headers is refused; None if it is not.

    The parser has refused already what RFC 9112 calls malformed: two lengths, obs-fold, NUL, bare CR or LF.
    """
    size = len(url) + sum([len(name) + len(value) for name, value in headers])
    if size > MAX_BYTES or len(headers) > MAX_HEADERS:
        return too_large()
    names = [name for name, _ in headers]
    if version not in VERSIONS or method == b"CONNECT":  # a tunnel, which ends at no byte
        return refusal.malformed()
    if version == "1.0" and b"transfer-encoding" in names:
        return refusal.malformed()
    if names.count(b"host") > 1 or (version == "1.1" and b"host" not in names):
        return refusal.one_host()
    return None


def without_upgrade(method: bytes, version: str, url: bytes, headers: Sequence[tuple[bytes, bytes]]) -> bytes:
    """A request's head as bytes again, but for its Upgrade: it may be ignored (RFC 9110, section 7.8)."""
    lines = [name + b": " + value for name, value in headers if name != b"upgrade"]
    return b"\r\n".join([b"%b %b HTTP/%b" % (method, url, version.encode()), *lines, b"", b""])


def too_large() -> Refusal:
    """400 for more than may be sent before the body."""
    return refusal.headers_too_large(MAX_BYTES, MAX_HEADERS)
