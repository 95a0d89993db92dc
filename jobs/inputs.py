"""From what a client sends as a picture to what a job carries: a reference.

A client sends an http(s) URL, a `data:` URI or plain base64. A job carries a URL, `store:PATH` or
`sample:NAME`; picture bytes never travel through Redis.
"""

import base64
import binascii
import re
from importlib.resources import files

PICTURES = ("base_image", "overlay_image", "mask")
"""The parameters that are pictures."""

STORE = "store:"
SAMPLE = "sample:"
MAX_URL_LENGTH = 4096

DATA_URI = re.compile(r"data:(?P<type>[\w.+/-]*)(?:;[\w.+-]+=[\w.+-]+)*(?P<base64>;base64)?,", re.ASCII)
WHITE_SPACE = re.compile(r"[\r\n\t ]+")

ACCEPTED = "give an http(s) URL, a data: URI or the plain base64 of an image file"


class InvalidInput(ValueError):
    """What was sent cannot be a picture; the text says what to send instead."""


def is_url(text: str) -> bool:
    """Whether the picture has to be fetched."""
    return text[:8].lower().startswith(("http://", "https://"))


def check_url(text: str) -> None:
    """Raises `InvalidInput` if a URL is too long, or has a password in it: we keep none."""
    if "@" in re.split(r"[/?#\\]", text, maxsplit=3)[2]:
        raise InvalidInput("has a user name in it: only images that need no login can be fetched")
    if len(text) > MAX_URL_LENGTH:
        raise InvalidInput(f"is a URL of {len(text)} characters, at most {MAX_URL_LENGTH} are allowed")


def check(text: str, max_bytes: int) -> None:
    """Raises `InvalidInput` if this text cannot be a picture."""
    if is_url(text):
        check_url(text)
    else:
        decode_inline(text, max_bytes)


def decode_inline(text: str, max_bytes: int) -> bytes:
    """The bytes of a `data:` URI or of plain base64. Raises `InvalidInput`."""
    encoded = _payload(text)
    if len(encoded) * 3 // 4 > max_bytes + 2:
        raise InvalidInput(f"is a file of {len(encoded) * 3 // 4:,} bytes, at most {max_bytes:,} are allowed")
    try:
        data = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInput(f"is not valid base64; {ACCEPTED}") from error
    if not data:
        raise InvalidInput(f"is empty; {ACCEPTED}")
    return data


def _payload(text: str) -> str:
    if text[:5].lower() != "data:":
        return WHITE_SPACE.sub("", text)
    head = DATA_URI.match("data:" + text[5:])
    if head is None or head["base64"] is None:
        raise InvalidInput("is a data: URI without ;base64; write data:image/png;base64,...")
    return WHITE_SPACE.sub("", text[head.end() :])


SAMPLES = files("jobs.samples")
"""The pictures the project ships."""


def sample_bytes(name: str) -> bytes | None:
    """A shipped picture by its file name; None if there is none of that name."""
    names = {entry.name for entry in SAMPLES.iterdir() if entry.name.endswith((".jpg", ".png"))}
    return (SAMPLES / name).read_bytes() if name in names else None
