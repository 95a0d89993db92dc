"""Turns the pictures of a body into references for the job.

A client sends an http(s) URL, a `data:` URI or plain base64. A job contains a URL, `store:PATH` or
`sample:NAME`; picture bytes never go through Redis.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.resources import files
from ipaddress import ip_address
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

from jobs.config.hosts import is_address
from jobs.config.settings import Settings
from jobs.network.urls import MAX_URL_LENGTH, InvalidUrl, Target, UrlRules, read_url

PICTURES = ("base_image", "overlay_image", "mask", "displacement_map")  # of a request, and of its overlays

Params = Mapping[str, Any]

STORE = "store:"
SAMPLE = "sample:"

ACCEPTED = "give an http(s) URL, a data: URI or the plain base64 of an image file"
NO_OWN_PICTURE = (
    "is a picture of this service that does not exist or has expired: upload it again at /upload-asset"
)

MAX_ESCAPES = 2**21
"""Of one `data:` URI. Each takes about 400 ns; percent-encoded base64 of 24 MiB has half as many."""

_URL = re.compile(r"\s*https?://", re.IGNORECASE)
_DATA_URI = re.compile(r"\s*data:([^,]*),([^#]*)", re.IGNORECASE)
_IS_BASE64 = re.compile(r";[ ]*base64[\t\n\f\r ]*$", re.IGNORECASE)
_ONLY_BASE64 = re.compile(r"[A-Za-z0-9+/_=-]*")
_OTHER_ADDRESS = re.compile(r"(?!\s*data:)[^.:]{1,250}[.:]", re.IGNORECASE)  # base64 has no dot or colon
_WHITE_SPACE = b"\t\n\f\r "
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_DECODED_AT_A_TIME = 48 * 1024  # characters, as `unquote_to_bytes` makes an object for each escape


class InvalidInput(ValueError):
    """An input is not a picture; the text says what to send instead."""


def pictures(params: Params) -> dict[str, str]:
    """The pictures in parameters, by paths such as "mask" or "overlays[1].mask"."""
    return {
        path + name: parent[name]
        for path, parent in _parents(params)
        for name in PICTURES
        if isinstance(parent.get(name), str)
    }


def with_pictures(params: Params, references: Mapping[str, str]) -> dict[str, Any]:
    """`params` with these references, by path, in place of its pictures."""
    replaced = {**params}
    if "overlays" in params:
        replaced["overlays"] = [{**layer} for layer in params["overlays"]]
    for path, parent in _parents(replaced):
        parent.update({name: references[path + name] for name in PICTURES if path + name in references})
    return replaced


def _parents(params: Any) -> Iterator[tuple[str, Any]]:
    """The objects that may have pictures, each with the prefix of its paths."""
    overlays = params.get("overlays")
    yield "", params
    for index, layer in enumerate(overlays if isinstance(overlays, list) else ()):
        if isinstance(layer, dict):
            yield f"overlays[{index}].", layer


class OwnPicture(NamedTuple):
    """A result or an upload of this service, by its public name."""

    token: str


class InputRules:
    def __init__(self, settings: Settings) -> None:
        self._max_bytes = settings.max_input_bytes
        self._urls = UrlRules(settings.fetch_ports)

    def read(self, text: str, origin: str) -> bytes | OwnPicture | str:
        """The bytes of an inline picture, a picture of this service, or else the reference for the job.

        `origin` is the URL under which our own pictures are served. Raises `InvalidInput`.
        """
        if not is_url(text):
            if _OTHER_ADDRESS.match(text):
                raise InvalidInput(f"must begin with http:// or https:// if it is an address; {ACCEPTED}")
            return decode_inline(text, self._max_bytes)
        try:
            target = read_url(text)
            path = "" if is_external(text) else _own_path(target, origin)
            if path.startswith("/pictures/"):
                return OwnPicture(path.removeprefix("/pictures/").partition(".")[0])
            if path.startswith("/samples/"):
                return _sample(path.removeprefix("/samples/"))
            return self._urls.check(target).url
        except InvalidUrl as error:
            raise InvalidInput(str(error)) from None


def is_url(text: str) -> bool:
    return _URL.match(text) is not None


def is_external(text: str) -> bool:
    """Whether the text alone shows that the picture is on another server; False means unknown."""
    return (
        len(text) <= MAX_URL_LENGTH and is_url(text) and "/pictures/" not in text and "/samples/" not in text
    )


def decode_inline(text: str, max_bytes: int) -> bytes:
    """The bytes of a `data:` URI or of plain base64. Raises `InvalidInput`.

    Parses `data:` URIs by the "data: URL processor" of WHATWG's Fetch standard, and base64 by its
    "forgiving-base64 decode", also in the URL-safe alphabet (RFC 4648, section 5).
    """
    uri = _DATA_URI.match(text)
    if uri is None and text[:64].lstrip()[:5].lower() == "data:":
        raise InvalidInput("is a data: URI without a comma; write data:image/png;base64,...")
    if uri is None:
        data = _from_base64(text.encode("utf-8", "replace"), max_bytes)
    elif _IS_BASE64.search(uri[1]):
        data = _from_base64(_percent_decoded(uri[2]), max_bytes)
    elif _ONLY_BASE64.fullmatch(uri[2]):  # a percent-encoded image file has other characters too
        raise InvalidInput("is a data: URI without ;base64; write data:image/png;base64,...")
    else:
        data = _percent_decoded(uri[2])
    if not data:
        raise InvalidInput(f"is empty; {ACCEPTED}")
    if len(data) > max_bytes:
        raise _too_large(len(data), max_bytes)
    return data


def _from_base64(text: bytes, max_bytes: int) -> bytes:
    encoded = text.translate(_URL_SAFE, _WHITE_SPACE)
    size = len(encoded) * 3 // 4
    if size > max_bytes + 2:
        raise _too_large(size, max_bytes)
    try:
        return base64.b64decode(encoded + b"=" * (-len(encoded) % 4), validate=True)
    except binascii.Error as error:
        raise InvalidInput(f"is not valid base64; {ACCEPTED}") from error


def _percent_decoded(text: str) -> bytes:
    encoded = text.encode("utf-8", "replace")
    if encoded.count(b"%") > MAX_ESCAPES:
        raise InvalidInput(f"is a data: URI with more than {MAX_ESCAPES:,} %-escapes; send it as base64")
    decoded, start = bytearray(), 0
    while start < len(encoded):
        end = start + _DECODED_AT_A_TIME
        cut = encoded.rfind(b"%", end - 2, end)  # do not split an escape
        end = end if cut == -1 else cut
        decoded += unquote_to_bytes(encoded[start:end])
        start = end
    return bytes(decoded)


def _too_large(size: int, max_bytes: int) -> InvalidInput:
    return InvalidInput(f"is a file of {size:,} bytes, at most {max_bytes:,} are allowed")


def _own_path(target: Target, origin: str) -> str:
    """The path of a URL below our origin, without its query; "" for another server."""
    try:
        ours = read_url(origin)
    except InvalidUrl:  # the request had an invalid Host header
        return ""
    path, prefix = target.path.partition("?")[0], ours.path.rstrip("/")
    is_ours = _server(target) == _server(ours) and path.startswith(f"{prefix}/")
    return path.removeprefix(prefix) if is_ours else ""


def _server(target: Target) -> tuple[str, str, int]:
    """Scheme, host and port; all loopback addresses count as `localhost`."""
    is_local = target.host == "localhost" or (is_address(target.host) and ip_address(target.host).is_loopback)
    return target.scheme, "localhost" if is_local else target.host, target.port


def _sample(name: str) -> str:
    if sample_bytes(name) is None:
        choices = ", ".join(sorted(_samples()))
        raise InvalidInput(f"is not a sample picture of this service; choose from {choices}")
    return SAMPLE + name


SAMPLES = files("jobs.pictures.samples")


@lru_cache(64)
def sample_bytes(name: str) -> bytes | None:
    return (SAMPLES / name).read_bytes() if name in _samples() else None


def _samples() -> set[str]:
    return {entry.name for entry in SAMPLES.iterdir() if entry.name.endswith((".jpg", ".png"))}
