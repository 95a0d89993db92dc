"""Reads the image from a server's response: status 200, not a web page, small enough and complete.

Servers' content types are often wrong, so the bytes decide.
"""

import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from itertools import chain

import httpcore

from jobs.timefmt import read_retry_after
from worker.fetch.errors import Fault

BLOCK = 16 * 1024  # bytes
INFLATE_BLOCK = 64 * 1024  # bytes

TRANSIENT_STATUSES = frozenset({408, 425, 429})
RETRY_AFTER_STATUSES = frozenset({429, 503})
"""Statuses whose `Retry-After` header is honoured."""

ADVICE = {
    401: "it needs a login; give an address that opens without one, or send the image itself",
    403: "its server wants a login, or takes us for a bot; open it to all, or send the image",
    404: "nothing is there; check the address",
    410: "nothing is there any more; give another address",
}
OTHER_ADVICE = "check that the address opens in a browser that is not logged in"

COMPRESSED = frozenset({"gzip", "x-gzip", "deflate", "br", "zstd", "compress", "x-compress", "dcb", "dcz"})
"""The registered content codings that change the bytes. Servers also send `none`, `utf-8`, `binary` and
`aws-chunked`, with files that are not encoded."""

GZIP = b"\x1f\x8b"

IMAGE = re.compile(
    rb"\x89PNG|\xff\xd8\xff|GIF8|RIFF.{4}WEBP|.{4}ftyp|II\*\0|MM\0\*|BM.{4}\0{4}"
    rb"|\0{3}\x0cjP  |\xff\x4f\xff\x51",
    re.DOTALL,
)
"""The first bytes of all formats that can be decoded; compressed data never begins so."""

NOT_IMAGES = {
    "a web page": re.compile(
        rb"\s*+(<\?xml[^>]*+>\s*+)?(<!--.*?-->\s*+)*+"
        rb"<(!doctype\s+html|html|head|body|script|title|meta|h1|div|p)\b",
        re.IGNORECASE | re.DOTALL,
    ),
    "JSON data": re.compile(rb'\s*[{\[]\s*["{\[\]}]'),
    "a PDF document": re.compile(rb"%PDF-"),
}
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
SNIFF_BYTES = 4096


class Response:
    """`headers` by lower-case name; repeated ones are joined by commas (RFC 9110, section 5.3)."""

    def __init__(self, response: httpcore.Response) -> None:
        self.status = response.status
        self.headers: dict[str, str] = {}
        for raw_name, raw_value in response.headers:
            name, value = raw_name.decode("ascii").lower(), _text(raw_value)
            self.headers[name] = f"{self.headers[name]}, {value}" if name in self.headers else value
        self.blocks = response.iter_stream
        self.close = response.close


Reserve = Callable[[int], None]
"""Called before this many more bytes are allocated; may raise to end the fetch."""


def unbounded(size: int, /) -> None:
    """Reserve any number of bytes."""


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def read_image(response: Response, max_bytes: int, reserve: Reserve = unbounded) -> bytes:
    """The body of `response`, at most `max_bytes` after decompression.

    Raises Fault, and the errors of `reserve`.
    """
    _check_status(response)
    declared = _declared_size(response)
    if declared is not None and declared > max_bytes:
        raise _too_large(max_bytes)
    blocks = []
    for block in _bounded(_decoded(response, max_bytes), max_bytes):
        reserve(len(block))
        blocks.append(block)
    body = b"".join(blocks)
    _check_kind(body[:SNIFF_BYTES])
    return body


def _bounded(blocks: Iterable[bytes], max_bytes: int) -> Iterator[bytes]:
    size = 0
    for block in blocks:
        size += len(block)
        if size > max_bytes:
            raise _too_large(max_bytes)
        yield block


def _blocks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    # A server may send chunks of one byte, and an object for each would take fifty times the body's memory.
    block = bytearray()
    for piece in pieces:
        if len(piece) >= BLOCK and not block:
            yield piece
            continue
        block += piece
        if len(block) >= BLOCK:
            yield bytes(block)
            block = bytearray()
    yield bytes(block)


def skip_short_body(response: Response) -> None:
    """Read the short body of a redirect or a 304, so that its connection can be reused."""
    declared = 0 if response.status == HTTPStatus.NOT_MODIFIED else _declared_size(response)
    if declared is not None and declared <= BLOCK:
        for _ in response.blocks():
            pass


def _declared_size(response: Response) -> int | None:
    length = response.headers.get("content-length", "")
    return int(length) if length.isdigit() else None


def _check_status(response: Response) -> None:
    status = response.status
    if status == HTTPStatus.OK:
        return
    transient = status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in TRANSIENT_STATUSES
    given = response.headers.get("retry-after", "") if status in RETRY_AFTER_STATUSES else ""
    wait_s = read_retry_after(given)
    advice = "try again later" if transient else ADVICE.get(status, OTHER_ADVICE)
    if wait_s:
        advice = f"try again in {wait_s:,} s, as its server says"
    raise Fault(
        f"answered {status} instead of the image: {advice}",
        reason=f"status {status}",
        transient=transient,
        retry_after_s=wait_s,
    )


def _check_kind(head: bytes) -> None:
    head = head.removeprefix(BYTE_ORDER_MARK)
    for kind, pattern in NOT_IMAGES.items():
        if pattern.match(head):
            raise Fault(f"is {kind}, not an image: give the image's own address", reason=f"it is {kind}")


def _decoded(response: Response, max_bytes: int) -> Iterable[bytes]:
    """The decompressed body; its first block shows whether it is compressed, whatever the header says."""
    blocks = _bounded(_blocks(response.blocks()), max_bytes)
    first = next(blocks)
    whole = chain([first], blocks)
    labels = response.headers.get("content-encoding", "").lower().split(",")
    match [label for each in labels if (label := each.strip()) in COMPRESSED]:
        case []:
            return whole
        case _ if IMAGE.match(first):
            return whole
        case ["gzip" | "x-gzip"]:
            return _inflated(whole, zlib.MAX_WBITS | 16) if first.startswith(GZIP) else whole
        case ["deflate"]:
            return _inflated(whole, zlib.MAX_WBITS if _is_zlib(first) else -zlib.MAX_WBITS)
        case codings:
            names = ", ".join(codings)[:40]
            raise Fault(
                f"is sent compressed ({names}), although we asked for it as it is: "
                "use a server that sends the plain file",
                reason=f"content-encoding {names}",
            )


def _is_zlib(head: bytes) -> bool:
    """Whether `deflate` data has the header of RFC 1950, as RFC 9110 requires; some servers omit it."""
    return len(head) > 1 and head[0] & 0x0F == zlib.DEFLATED and (head[0] << 8 | head[1]) % 31 == 0


def _inflated(chunks: Iterable[bytes], wbits: int) -> Iterator[bytes]:
    inflater = zlib.decompressobj(wbits)
    for chunk in chunks:
        rest = chunk
        while rest and not inflater.eof:
            yield inflater.decompress(rest, INFLATE_BLOCK)
            rest = inflater.unconsumed_tail
        if inflater.eof:
            return
    yield inflater.flush()
    if not inflater.eof:
        raise zlib.error("the compressed stream ends early")


def _too_large(max_bytes: int) -> Fault:
    return Fault(
        f"is larger than {max_bytes:,} bytes: send a smaller image",
        reason=f"larger than {max_bytes} bytes",
        code="image_too_large",
    )
