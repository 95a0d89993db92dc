"""What a server's answer must be before we keep its body: 200, not a web page, small enough, whole."""

import zlib
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Protocol

import httpx

from worker.fetch.errors import Fault

TRANSIENT_STATUSES = frozenset({408, 425, 429})
BLOCK = 16 * 1024  # bytes
INFLATED_AT_A_TIME = 64 * 1024  # bytes

NOT_IMAGES = {
    "text/html": "a web page",
    "application/xhtml+xml": "a web page",
    "application/json": "JSON data",
    "application/pdf": "a PDF document",
}
"""Types that say what the file is. Others are not believed: octet-stream, text/plain and none at all are
common on real pictures, and the decoder decides."""


class Received(Protocol):
    """Is told how many bytes more have come; may raise to have no more of them."""

    def __call__(self, size: int, /) -> None: ...


def unbounded(size: int, /) -> None:
    """Have all of them."""


def read_image(response: httpx.Response, max_bytes: int, received: Received = unbounded) -> bytes:
    """The body of `response`, at most `max_bytes` after decompression.

    Raises Fault, and what `received` raises.
    """
    _check_status(response.status_code)
    _check_type(response.headers.get("content-type", ""))
    declared = _declared_size(response)
    if declared is not None and declared > max_bytes:
        raise _too_large(max_bytes)
    blocks, size = [], 0
    for block in _blocks(_decoded(response)):
        blocks.append(block)
        size += len(block)
        received(len(block))
        if size > max_bytes:
            raise _too_large(max_bytes)
    return b"".join(blocks)


def _blocks(pieces: Iterable[bytes]) -> Iterator[bytes | bytearray]:
    # A server may send chunks of one byte, and an object for each would cost fifty times the body.
    block = bytearray()
    for piece in pieces:
        if len(piece) >= BLOCK and not block:
            yield piece
            continue
        block += piece
        if len(block) >= BLOCK:
            yield block
            block = bytearray()
    yield block


def skip_short_body(response: httpx.Response) -> None:
    """Read the few bytes that redirects come with, so that their connection can be kept."""
    declared = 0 if response.status_code == HTTPStatus.NOT_MODIFIED else _declared_size(response)
    if declared is not None and declared <= BLOCK:
        for _ in response.iter_raw():
            pass


def _declared_size(response: httpx.Response) -> int | None:
    length = response.headers.get("content-length", "")
    return int(length) if length.isdigit() else None


def _check_status(status: int) -> None:
    if status == HTTPStatus.OK:
        return
    transient = status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in TRANSIENT_STATUSES
    advice = "try again later" if transient else "check that it opens without a login"
    raise Fault(
        f"answered {status} instead of the image: {advice}", reason=f"status {status}", transient=transient
    )


def _check_type(content_type: str) -> None:
    kind = NOT_IMAGES.get(content_type.partition(";")[0].strip().lower())
    if kind is not None:
        raise Fault(f"is {kind}, not an image: give the image's own address", reason=f"it is {kind}")


def _decoded(response: httpx.Response) -> Iterable[bytes]:
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding in {"", "identity"}:
        return response.iter_raw()
    if encoding in {"gzip", "x-gzip"}:
        return _inflated(response.iter_raw())
    raise Fault(
        "is sent compressed, although we asked for it as it is: use a server that sends the plain file",
        reason=f"content-encoding {encoding[:40]!r}",
    )


def _inflated(chunks: Iterator[bytes]) -> Iterator[bytes]:
    inflater = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    for chunk in chunks:
        rest = chunk
        while rest:
            yield inflater.decompress(rest, INFLATED_AT_A_TIME)
            rest = inflater.unconsumed_tail
        if inflater.eof:
            return
    yield inflater.flush()
    if not inflater.eof:
        raise zlib.error("the gzip stream ends early")


def _too_large(max_bytes: int) -> Fault:
    return Fault(
        f"is larger than {max_bytes:,} bytes: send a smaller image",
        reason=f"larger than {max_bytes} bytes",
        code="image_too_large",
    )
