"""Events sent by `superimpose up`, and the secret that other commands print for them."""

import httpx
from redis import Redis

from cli.serve.up_file import settings_here
from jobs.keys.api_keys import ApiKeys
from jobs.webhooks.secrets import KeySecrets
from tests.cli.serve.up import Up
from tests.stack import ON_LOOPBACK
from tests.webhooks.receiver import Receiver


def make_event(service: Up, receiver: Receiver, count: int) -> None:
    """Cause an event, and wait until `count` events have arrived."""
    body = {
        "base_image": f"{service.url}/samples/cup.jpg",
        "overlay_image": f"{service.url}/samples/logo.png",
        "webhook_url": receiver.url,
    }
    headers = {"x-api-key": service.key()}
    httpx.post(f"{service.url}/v2/superimpose", json=body, headers=headers, **ON_LOOPBACK).raise_for_status()
    receiver.await_calls(count)


def webhook_secret() -> str:
    """The secret of the only key, as commands in the current environment print it."""
    settings = settings_here()
    with Redis.from_url(settings.effective_redis_url) as redis:
        [key] = ApiKeys(redis).list()
        return KeySecrets(redis, settings).read(key.key_id)
