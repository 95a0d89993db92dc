"""A sender of events without its network."""

import asyncio

import pytest
from redis import Redis

from jobs.config.settings import Settings
from jobs.lifecycle.transitions import Transitions
from jobs.redis.connection import connect_async_changes
from jobs.webhooks.deliveries import Attempt, Deliveries
from jobs.webhooks.exchange import Ending, Event, Exchange, Report
from jobs.webhooks.schedule import LANES
from tests.webhook_events import with_webhooks

FAILED = Attempt(1.5, 500, 12, "answered 500")
ANSWERED = Attempt(1.5, 204, 12, None)


class Desk:
    """A sender, with the events that it has claimed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.given_up: list[str] = []
        self.held: list[Event] = []
        self.turn = 0

    def claim(self, limit: int = 100, reports: list[Report] | None = None) -> list[Event]:
        """Claim up to `limit` events of each lane."""
        self.turn += 1
        return asyncio.run(self._claim(limit, reports or []))

    async def _claim(self, limit: int, reports: list[Report]) -> list[Event]:
        done = {(report.event.request_id, report.event.attempt) for report in reports}
        self.held = [each for each in self.held if (each.request_id, each.attempt) not in done]
        async with connect_async_changes(self._settings) as redis:
            exchange = Exchange(redis, self._settings)
            exchange._turn = self.turn
            events, given_up = await exchange(reports, dict.fromkeys(LANES, limit), self.held)
        self.held += events
        self.given_up += given_up
        return events

    def report(self, event: Event, ending: Ending, **more) -> None:
        """Without a claim."""
        self.claim(0, [self.report_of(event, ending, **more)])

    @staticmethod
    def report_of(event: Event, ending: Ending, **more) -> Report:
        made = {Ending.RETRY: FAILED, Ending.GIVEN_BACK: None}.get(ending, ANSWERED)
        return Report(event, ending, made, **more)


@pytest.fixture
def webhook_settings(settings: Settings) -> Settings:
    return with_webhooks(settings)


@pytest.fixture
def transitions(redis: Redis, webhook_settings: Settings) -> Transitions:
    return Transitions(redis, webhook_settings)


@pytest.fixture
def desk(redis: Redis, webhook_settings: Settings) -> Desk:
    return Desk(webhook_settings)


@pytest.fixture
def deliveries(redis: Redis) -> Deliveries:
    return Deliveries(redis)
