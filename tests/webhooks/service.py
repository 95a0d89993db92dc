"""A service that sends events to receivers on loopback."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.stack import Stack, environment, running
from tests.webhook_events import MASTER


@contextmanager
def sending(redis_url: str, folder: object) -> Iterator[Stack]:
    """An API, a worker and a sender."""
    env = environment(
        redis_url, folder, fetch_allow="127.0.0.1/32", webhook_secret=MASTER, webhook_http="true"
    )
    with running(env) as stack:
        stack.start("cli", "webhooks")
        yield stack


def submit(stack: Stack, webhook_url: str, **more: object) -> str:
    """A request of the samples; returns its id."""
    samples = f"{stack.url}/samples"
    pictures = {"base_image": f"{samples}/cup.jpg", "overlay_image": f"{samples}/logo.png"}
    return stack.submit(**pictures, webhook_url=webhook_url, **more)
