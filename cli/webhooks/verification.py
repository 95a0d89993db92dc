"""Verifies signatures by Standard Webhooks 1.0.

Shares no code with the sender, as any receiver has to do this by itself.
"""

import base64
import hmac
import re
from collections.abc import Mapping

from cli.timefmt import length

HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")
PREFIX = "whsec_"
TOLERANCE_S = 300
"""Allowed difference of a timestamp to our clock, in either direction."""


class Unverified(Exception):
    """The text says why the event cannot be trusted."""


def read_secret(text: str) -> bytes:
    """Decode `whsec_...`. Raises ValueError."""
    encoded = text.removeprefix(PREFIX)
    if encoded in ("", text):
        raise ValueError(f"must be {PREFIX} and base64")
    return base64.b64decode(encoded, validate=True)


def verify(secret: bytes, headers: Mapping[str, str], body: bytes, now: float) -> None:
    """Raises `Unverified`. Header names must be in lower case."""
    missing = [name for name in HEADERS if not headers.get(name)]
    if missing:
        raise Unverified(f"without {' and '.join(missing)}: not an event, or a proxy has dropped its headers")
    event_id, timestamp, signatures = (headers[name] for name in HEADERS)
    if not re.fullmatch(r"\d{1,12}", timestamp, re.ASCII):
        raise Unverified("webhook-timestamp is not a number of seconds")
    age_s = now - int(timestamp)
    if abs(age_s) > TOLERANCE_S:
        side = "old" if age_s > 0 else "ahead of this clock"
        raise Unverified(
            f"it is {length(abs(age_s))} {side}, and {length(TOLERANCE_S)} are allowed: "
            "it is a replay by a third party, or a clock is wrong"
        )
    given = [text.removeprefix("v1,").encode() for text in signatures.split() if text.startswith("v1,")]
    if not given:
        raise Unverified("webhook-signature has no signature of version v1")
    signed = b".".join((event_id.encode("latin-1"), timestamp.encode(), body))
    expected = base64.b64encode(hmac.digest(secret, signed, "sha256"))
    if not any(hmac.compare_digest(expected, each) for each in given):
        raise Unverified(
            "no signature matches this secret: it is another key's or an older one, "
            "or the body was changed on its way"
        )
