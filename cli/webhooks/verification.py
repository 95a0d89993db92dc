"""Whether an event comes from somebody who knows the secret, by Standard Webhooks 1.0, and if not, why.

It shares no code with what signs: this is what any receiver does.
"""

import base64
import hmac
import re
from collections.abc import Mapping

from cli.timefmt import length

HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")
PREFIX = "whsec_"
TOLERANCE_S = 300
"""How far a timestamp may be from our clock, either way."""


class Unverified(Exception):
    """Not to be trusted; the text says why."""


def read_secret(text: str) -> bytes:
    """The bytes that `whsec_...` stands for. Raises ValueError."""
    encoded = text.removeprefix(PREFIX)
    if encoded in ("", text):
        raise ValueError(f"{PREFIX} and base64 it is not")
    return base64.b64decode(encoded, validate=True)


def verify(secret: bytes, headers: Mapping[str, str], body: bytes, now: float) -> None:
    """Raises `Unverified`. Names of headers are in lower case."""
    missing = [name for name in HEADERS if not headers.get(name)]
    if missing:
        raise Unverified(f"without {' and '.join(missing)}: not an event, or a proxy has dropped its headers")
    event_id, timestamp, signatures = (headers[name] for name in HEADERS)
    _check_age(timestamp, now)
    given = [text.removeprefix("v1,").encode() for text in signatures.split() if text.startswith("v1,")]
    if not given:
        raise Unverified("webhook-signature has no signature of version v1")
    signed = b".".join((event_id.encode("latin-1"), timestamp.encode(), body))
    expected = base64.b64encode(hmac.digest(secret, signed, "sha256"))
    if not any(hmac.compare_digest(expected, each) for each in given):
        raise Unverified(
            "no signature is that of this secret: it is another key's or an older one, "
            "or the body has changed on its way"
        )


def _check_age(timestamp: str, now: float) -> None:
    if not re.fullmatch(r"\d{1,12}", timestamp, re.ASCII):
        raise Unverified("webhook-timestamp is not a number of seconds")
    age_s = now - int(timestamp)
    if abs(age_s) > TOLERANCE_S:
        side = "old" if age_s > 0 else "ahead of this clock"
        raise Unverified(
            f"it is {length(abs(age_s))} {side}, and {length(TOLERANCE_S)} are allowed: "
            "it was sent a second time by somebody else, or a clock is wrong"
        )
