"""The secret that signs the events of a key, and the signatures.

The secret is derived from a master secret, the key id and a generation, so that Redis, its file and its
backups contain no secrets. The setting may have several masters: receivers get secrets derived from the
first, and events are also signed with those of the others, until the operator removes them.

Signatures follow Standard Webhooks 1.0, section "Signature scheme". The package `standardwebhooks` would save
nothing: its `sign` takes the body as text and mistakes local time for UTC.
tests/api/clients/test_webhook_clients.py verifies our signatures with it.
"""

import hmac
from base64 import b64decode, b64encode
from collections.abc import Sequence

from redis import Redis

from jobs import keyspace
from jobs.config.settings import Settings
from jobs.keys.api_keys import OVERLAP_S, UnknownKey
from jobs.redis.script import Script

PREFIX = "whsec_"
OFF = "webhooks are off on this server: its operator sets SUPERIMPOSE_WEBHOOK_SECRET"

ROTATE = """
if redis.call('EXISTS', KEYS[1]) == 0 then return false end
local clock = redis.call('TIME')
local until_ms = clock[1] * 1000 + math.floor(clock[2] / 1000) + ARGV[1]
redis.call('HSET', KEYS[1], 'webhook_former_until', string.format('%d', until_ms))
return redis.call('HINCRBY', KEYS[1], 'webhook_generation', 1)
"""


class WebhooksOff(Exception):
    """There is no master secret; the text says which setting is missing."""

    def __init__(self) -> None:
        super().__init__(OFF)


class WebhookSecrets:
    """Derives the secrets of all API keys, without Redis. Methods raise `WebhooksOff`."""

    def __init__(self, settings: Settings) -> None:
        self._masters = [master.encode() for master in settings.webhook_secret]

    def current(self, key_id: str, generation: int) -> str:
        """The secret that receivers get."""
        self.check()
        return _derived(self._masters[0], key_id, generation)

    def signing(self, key_id: str, generation: int, with_former: bool) -> Sequence[str]:
        """All secrets that sign an event now, the current one first."""
        self.check()
        generations = [generation, generation - 1] if with_former and generation else [generation]
        return [_derived(master, key_id, each) for each in generations for master in self._masters]

    def check(self) -> None:
        if not self._masters:
            raise WebhooksOff


class KeySecrets:
    """Reads and rotates the secret of a key.

    Methods raise `WebhooksOff`, `UnknownKey`, `redis.RedisError`.
    """

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self._redis = redis
        self._secrets = WebhookSecrets(settings)
        self._rotate = Script(redis, ROTATE)

    def read(self, key_id: str) -> str:
        self._secrets.check()
        digests, generation = self._redis.hmget(keyspace.api_key(key_id), "digests", "webhook_generation")
        if digests is None:
            raise UnknownKey(key_id)
        return self._secrets.current(key_id, int(generation or 0))

    def rotate(self, key_id: str, overlap_s: int = OVERLAP_S) -> str:
        """Return a new secret; events are also signed with the previous one for `overlap_s`.

        Older secrets are no longer used.
        """
        self._secrets.check()
        generation = self._rotate(keys=[keyspace.api_key(key_id)], args=[overlap_s * 1000])
        if generation is None:
            raise UnknownKey(key_id)
        return self._secrets.current(key_id, int(generation))


def _derived(master: bytes, key_id: str, generation: int) -> str:
    text = f"superimpose webhook secret\n{key_id}\n{generation}"
    return PREFIX + b64encode(hmac.digest(master, text.encode(), "sha256")).decode()


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """`v1,...` for a secret `whsec_...` and a timestamp in seconds since the epoch."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    key = b64decode(secret.removeprefix(PREFIX))
    return f"v1,{b64encode(hmac.digest(key, signed, 'sha256')).decode()}"
