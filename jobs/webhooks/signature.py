"""The signature of an event, by Standard Webhooks 1.0, section "Signature scheme".

Not by the package `standardwebhooks`: its twelve lines for this bring httpx, attrs and python-dateutil to
every installation, and take a time without a zone for UTC.
"""

import hmac
from base64 import b64decode, b64encode

from jobs.webhooks.secrets import PREFIX


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """`v1,...` for a secret `whsec_...` and a timestamp in seconds since the epoch."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    key = b64decode(secret.removeprefix(PREFIX))
    return f"v1,{b64encode(hmac.digest(key, signed, 'sha256')).decode()}"
