"""A sender in a thread of this process, and receivers on loopback."""

import asyncio
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
import uvloop
from opentelemetry.trace import NoOpTracer
from redis import Redis

from jobs.config.settings import Settings
from jobs.lifecycle.transitions import Transitions
from jobs.network.guard import Guard
from jobs.network.resolve import Resolve, system_resolve
from jobs.redis.connection import connect_async_changes
from jobs.webhooks import exchange, schedule
from jobs.webhooks.deliveries import Deliveries, Delivery, State
from tests.redis.sentinels import until
from tests.webhook_events import with_webhooks
from tests.webhooks.receiver import Receiver, receiving
from tests.worker.fetch.conftest import serve
from webhooks import sender
from webhooks.connections import Connections
from webhooks.sender import Sender

TLS = ssl.create_default_context()
SOON_MS = 20

__all__ = ["serve"]  # a fixture

Sending = Callable[..., AbstractContextManager[Sender]]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return with_webhooks(settings)


@pytest.fixture
def transitions(redis: Redis, settings: Settings) -> Transitions:
    return Transitions(redis, settings)


@pytest.fixture
def retried_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same number of attempts, a moment after each other."""
    monkeypatch.setitem(schedule.IN_SCRIPTS, "SCHEDULE", [SOON_MS] * len(schedule.RETRY_AFTER_S))
    monkeypatch.setattr(exchange, "MAX_PAUSE_S", SOON_MS / 1000)
    monkeypatch.setattr(sender, "IDLE_S", SOON_MS / 1000)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def sending(redis: Redis, settings: Settings) -> Sending:
    """A sender that runs for the length of a `with`."""

    @contextmanager
    def sending(
        resolve: Resolve = system_resolve, tls: ssl.SSLContext = TLS, of: Settings = settings
    ) -> Iterator[Sender]:
        started = threading.Event()
        made: list[tuple[Sender, asyncio.AbstractEventLoop]] = []

        async def send() -> None:
            async with connect_async_changes(of) as client:
                sender = Sender(client, of, Connections(Guard.of(of), resolve, tls), NoOpTracer())
                made.append((sender, asyncio.get_running_loop()))
                started.set()
                await sender.run()

        thread = threading.Thread(target=lambda: uvloop.run(send()))
        thread.start()
        assert started.wait(60)
        [(sender, loop)] = made
        try:
            yield sender
        finally:
            loop.call_soon_threadsafe(sender.stop)
            thread.join(60)
            assert not thread.is_alive()

    return sending


@pytest.fixture
def await_log(redis: Redis) -> Callable[..., Delivery]:
    """The log of a request's event, once it has this state or so many attempts."""
    deliveries = Deliveries(redis)

    def await_log(request_id: str, state: State | None = None, attempts: int = 0) -> Delivery:
        def is_there() -> bool:
            found = deliveries.find(request_id)
            return bool(found and state in (None, found.state) and len(found.attempts) >= attempts)

        until(is_there, f"{request_id} is {state} after {attempts} attempts")
        found = deliveries.find(request_id)
        assert found
        return found

    return await_log
