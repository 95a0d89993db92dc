"""The signature of an event, by Standard Webhooks 1.0, section "Signature scheme".

Not by the package `standardwebhooks`, whose `sign` takes the body as text and a local time for UTC: a call of
it would be as long as this. It checks what we sign in tests/api/clients/test_webhook_clients.py.
"""

import hmac
from base64 import b64decode, b64encode

from jobs.webhooks.secrets import PREFIX


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """`v1,...` for a secret `whsec_...` and a timestamp in seconds since the epoch."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    key = b64decode(secret.removeprefix(PREFIX))
    return f"v1,{b64encode(hmac.digest(key, signed, 'sha256')).decode()}"
