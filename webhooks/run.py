"""Runs the sender of events as a process."""

import asyncio
import logging
import signal

import uvloop

from jobs.config.settings import Settings
from jobs.network.guard import Guard
from jobs.redis.connection import connect_async_changes
from telemetry.traces import open_traces
from webhooks.connections import Connections, trusted_authorities
from webhooks.resolver import Resolver
from webhooks.sender import Sender

REPLY_TIMEOUT_S = 10.0
"""Long, because events that were claimed by a lost reply are delayed until their lease expires."""

log = logging.getLogger("superimpose.webhooks")


def send_events(settings: Settings) -> None:
    """Send events until SIGTERM or SIGINT; call it in the main thread."""
    uvloop.run(_send(settings))


async def _send(settings: Settings) -> None:
    async with connect_async_changes(settings, REPLY_TIMEOUT_S) as redis:
        connections = Connections(Guard.of(settings), Resolver(), trusted_authorities())
        traces = open_traces("webhooks")
        sender = Sender(redis, settings, connections, traces.tracer)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, sender.stop)
        log.info("sending events, up to %d at a time", settings.webhook_concurrency)
        await sender.run()
        traces.close()
