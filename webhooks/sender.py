"""Claims due events and sends them with limited concurrency until it is stopped."""

import asyncio
import contextlib
import logging
import signal
import time
from collections import Counter

import uvloop
from opentelemetry.trace import Tracer
from redis import RedisError
from redis.asyncio import Redis

from jobs import keyspace
from jobs.config.settings import Settings
from jobs.network.guard import Guard
from jobs.redis.connection import connect_async_changes
from jobs.webhooks.exchange import Ending, Event, Exchange, Report
from jobs.webhooks.schedule import LANES
from telemetry import metrics
from telemetry.traces import open_traces
from webhooks.attempt import Attempts
from webhooks.connections import Connections

SHARES = {"proven": 2, "new": 4, "troubled": 4}
"""The concurrency divided by this number is reserved for the lane."""

BUSY_S = 0.1
PACE_S = 0.05
"""If proven receivers got an event within `BUSY_S`, each other lane gets one slot in `PACE_S`. A failed
attempt takes as much work as a successful one, and hosts that refuse connections free their slots at once."""

IDLE_S = 1.0  # the longest delay of an event whose bell was missed, or whose receiver was paused
BELL_S = 0.5  # of one blocking read, less than the reply timeout of a connection
PAUSE_S = 0.5
REPLY_TIMEOUT_S = 10.0
"""Long, because events that were claimed by a lost reply are delayed until their lease expires."""

log = logging.getLogger("superimpose.webhooks")


def send_events(settings: Settings) -> None:
    """Send events until SIGTERM or SIGINT; call it in the main thread."""
    uvloop.run(_send_events(settings))


async def _send_events(settings: Settings) -> None:
    async with connect_async_changes(settings, REPLY_TIMEOUT_S) as redis:
        traces = open_traces("webhooks")
        sender = Sender(redis, settings, Connections(Guard.of(settings)), traces.tracer)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, sender.stop)
        log.info("sending events, up to %d at a time", settings.webhook_concurrency)
        await sender.run()
        traces.close()


class Sender:
    """If it dies, another sender sends its unreported events once their leases expire."""

    def __init__(self, redis: Redis, settings: Settings, connections: Connections, tracer: Tracer) -> None:
        self._redis = redis
        self._exchange = Exchange(redis, settings)
        self._attempts = Attempts(settings, connections, self._exchange.now, tracer)
        self._connections = connections
        self._limits = {lane: settings.webhook_concurrency // SHARES[lane] for lane in LANES}
        self._drain_s = settings.drain_timeout_s
        self._in_flight: dict[asyncio.Task[Report], Event] = {}
        self._reports: list[Report] = []
        self._woken = asyncio.Event()
        self._busy_until = 0.0  # with proven receivers
        self._paced_at = 0.0
        self._is_stopping = False
        self._is_redis_away = False  # at the last call

    def stop(self) -> None:
        """Claim no more events; those in flight are given back after DRAIN_TIMEOUT_S."""
        self._is_stopping = True
        self._woken.set()

    async def run(self) -> None:
        listening = asyncio.create_task(self._listen())
        try:
            while not self._is_stopping:
                self._woken.clear()
                if not await self._exchange_once(self._limits):
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._woken.wait(), PACE_S if self._is_busy else IDLE_S)
                    self._connections.sweep()
            await self._drain()
        finally:
            listening.cancel()
            self._connections.close()

    async def _exchange_once(self, limits: dict[str, int]) -> bool:
        """Report and claim; returns whether events were claimed, so that more may be due."""
        reports, self._reports = self._reports, []
        try:
            events, given_up = await self._exchange(reports, self._free(limits), self._in_flight.values())
        except RedisError as error:
            self._reports = reports + self._reports
            if not self._is_redis_away:
                log.warning("Redis cannot be reached, events wait: %s", error)
            self._is_redis_away = True
            await asyncio.sleep(PAUSE_S)
            return False
        self._is_redis_away = False
        for request_id in given_up:
            metrics.count_event("failed")
            log.warning("request %s: its event was not delivered and is given up", request_id)
        for event in events:
            self._start(event)
        if any(event.lane == "proven" for event in events):
            self._busy_until = time.monotonic() + BUSY_S
        return bool(events)

    @property
    def _is_busy(self) -> bool:
        return time.monotonic() < self._busy_until

    def _free(self, limits: dict[str, int]) -> dict[str, int]:
        lanes = Counter(event.lane for event in self._in_flight.values())
        free = {lane: limits[lane] - lanes[lane] for lane in LANES}
        now = time.monotonic()
        paced = int((now - self._paced_at) / PACE_S)
        if self._is_busy:
            free |= {lane: min(paced, free[lane]) for lane in ("new", "troubled")}
        if paced or not self._is_busy:
            self._paced_at = now
        return free

    def _start(self, event: Event) -> None:
        task = asyncio.create_task(self._attempts.make(event))
        self._in_flight[task] = event
        task.add_done_callback(self._end)

    def _end(self, task: "asyncio.Task[Report]") -> None:
        event = self._in_flight.pop(task)
        if task.cancelled():
            report = Report(event, Ending.GIVEN_BACK)
        else:
            report = task.result()
            metrics.count_event_attempt(report.ending, report.entry.duration_ms / 1000 if report.entry else 0)
            if report.ending is not Ending.RETRY:
                metrics.count_event(report.ending)
        self._reports.append(report)
        self._woken.set()

    async def _drain(self) -> None:
        if self._in_flight:
            await asyncio.wait(self._in_flight, timeout=self._drain_s)
        for task in list(self._in_flight):
            task.cancel()
        if self._in_flight:
            await asyncio.wait(self._in_flight)
        await asyncio.sleep(0)  # lets the callbacks of ended tasks run
        await self._exchange_once(dict.fromkeys(LANES, 0))

    async def _listen(self) -> None:
        """Wake the sender when an event is written."""
        while True:
            try:
                if await self._redis.blpop([keyspace.EVENT_BELL], timeout=BELL_S):
                    self._woken.set()
            except RedisError:  # logged by the exchange
                await asyncio.sleep(PAUSE_S)
