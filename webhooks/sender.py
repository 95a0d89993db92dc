"""Takes events that are due and sends them, so many at a time, until it is told to stop."""

import asyncio
import contextlib
import logging
import time
from collections import Counter

from opentelemetry.trace import NoOpTracer, Tracer
from redis import RedisError
from redis.asyncio import Redis

from jobs import keyspace
from jobs.config.settings import Settings
from jobs.webhooks.exchange import Ending, Event, Exchange, Report
from jobs.webhooks.scripts import LANES
from telemetry import metrics
from webhooks.attempt import Attempts
from webhooks.connections import Connections

SHARES = {"proven": 2, "new": 4, "troubled": 4}
"""A lane has one over so much of what is sent at a time, whatever the others need."""

BUSY_S = 0.1
PACE_S = 0.05
"""Proven receivers were sent something within `BUSY_S`: as long as that is so, each other lane has one more
event in `PACE_S`. An attempt that fails takes as much work as one that succeeds, and hosts that refuse a
connection free their places at once."""

IDLE_S = 1.0  # how late an event is seen whose bell was not heard, or whose pause is over
BELL_S = 0.5  # at a time, less than a connection waits for an answer
PAUSE_S = 0.5
NO_TRACER = NoOpTracer()

log = logging.getLogger("superimpose.webhooks")


class Sender:
    """What it has claimed and not reported when it dies is sent by another one once the lease has expired."""

    def __init__(
        self, redis: Redis, settings: Settings, connections: Connections, tracer: Tracer = NO_TRACER
    ) -> None:
        self._redis = redis
        self._exchange = Exchange(redis, settings)
        self._attempts = Attempts(settings, connections, self._exchange.now, tracer)
        self._connections = connections
        self._most = {lane: settings.webhook_concurrency // SHARES[lane] for lane in LANES}
        self._drain_s = settings.drain_timeout_s
        self._under_way: dict[asyncio.Task[Report], Event] = {}
        self._reports: list[Report] = []
        self._woken = asyncio.Event()
        self._busy_until = 0.0  # with proven receivers
        self._paced_at = 0.0
        self._is_stopping = False
        self._is_away = False  # Redis, at the last call

    def stop(self) -> None:
        """Claim no more; what is being sent has DRAIN_TIMEOUT_S, and is then given back."""
        self._is_stopping = True
        self._woken.set()

    async def run(self) -> None:
        """Until it is stopped."""
        listening = asyncio.create_task(self._listen())
        try:
            while not self._is_stopping:
                self._woken.clear()
                if not await self._exchange_once(self._most):
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._woken.wait(), PACE_S if self._is_busy else IDLE_S)
                    self._connections.sweep()
            await self._drain()
        finally:
            listening.cancel()
            self._connections.close()

    async def _exchange_once(self, most: dict[str, int]) -> bool:
        """Report and claim; whether there may be more to claim now."""
        reports, self._reports = self._reports, []
        try:
            events, given_up = await self._exchange(reports, self._free(most), self._under_way.values())
        except RedisError as error:
            self._reports = reports + self._reports
            if not self._is_away:
                log.warning("Redis cannot be reached, events wait: %s", error)
            self._is_away = True
            await asyncio.sleep(PAUSE_S)
            return False
        self._is_away = False
        for request_id in given_up:
            metrics.count_event("failed")
            log.warning("request %s: its event was not delivered and is given up", request_id)
        for event in events:
            self._begin(event)
        if any(event.lane == "proven" for event in events):
            self._busy_until = time.monotonic() + BUSY_S
        return bool(events)

    @property
    def _is_busy(self) -> bool:
        return time.monotonic() < self._busy_until

    def _free(self, most: dict[str, int]) -> dict[str, int]:
        """How many more events of each lane it can send."""
        lanes = Counter(event.lane for event in self._under_way.values())
        free = {lane: most[lane] - lanes[lane] for lane in LANES}
        now = time.monotonic()
        few = int((now - self._paced_at) / PACE_S)
        if self._is_busy:
            free |= {lane: min(few, free[lane]) for lane in ("new", "troubled")}
        if few or not self._is_busy:
            self._paced_at = now
        return free

    def _begin(self, event: Event) -> None:
        task = asyncio.create_task(self._attempts.make(event))
        self._under_way[task] = event
        task.add_done_callback(self._end)

    def _end(self, task: "asyncio.Task[Report]") -> None:
        event = self._under_way.pop(task)
        if task.cancelled():
            report = Report(event, Ending.GIVEN_BACK)
        else:
            report = task.result()
            metrics.count_event_attempt(report.ending, report.made.duration_ms / 1000 if report.made else 0)
            if report.ending is not Ending.RETRY:
                metrics.count_event(report.ending)
        self._reports.append(report)
        self._woken.set()

    async def _drain(self) -> None:
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=self._drain_s)
        for task in list(self._under_way):
            task.cancel()
        if self._under_way:
            await asyncio.wait(self._under_way)
        await asyncio.sleep(0)  # the callbacks of those that have ended
        await self._exchange_once(dict.fromkeys(LANES, 0))

    async def _listen(self) -> None:
        """Wake at the bell that rings when an event is written."""
        while True:
            try:
                if await self._redis.blpop([keyspace.EVENT_BELL], timeout=BELL_S):
                    self._woken.set()
            except RedisError:  # which the exchange logs
                await asyncio.sleep(PAUSE_S)
