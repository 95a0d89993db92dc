"""The signature of an event, by Standard Webhooks 1.0, section "Signature scheme".

The package `standardwebhooks` would save nothing: its `sign` takes the body as text and mistakes local time
for UTC. tests/api/clients/test_webhook_clients.py verifies our signatures with it.
"""

import hmac
from base64 import b64decode, b64encode

from jobs.webhooks.secrets import PREFIX


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """`v1,...` for a secret `whsec_...` and a timestamp in seconds since the epoch."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    key = b64decode(secret.removeprefix(PREFIX))
    return f"v1,{b64encode(hmac.digest(key, signed, 'sha256')).decode()}"
