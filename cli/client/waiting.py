"""Waiting for a request: by a poll that a server may hold back, else by one after the other."""

import asyncio
import time
from collections.abc import Callable

from cli.client.api import Api, JsonObject
from jobs.lifecycle.status import TERMINAL

HELD_S = 25
"""The `wait` of a poll; a server that does not support it answers at once."""
SHOWN_S = 1
"""The same where somebody watches the place in the queue."""
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 2.0
GROWTH = 1.5

OnStatus = Callable[[JsonObject], None]
"""Gets each status answer."""


async def until_ended(api: Api, request_id: str, on_status: OnStatus, held_s: int = HELD_S) -> JsonObject:
    """The status answer of a request that has ended. Raises `CallError`, as for one that has expired."""
    pause_s = FIRST_PAUSE_S
    while True:
        sent_at = time.monotonic()
        answer = await api.status(request_id, held_s)
        on_status(answer)
        if answer.get("status") in TERMINAL:
            return answer
        if time.monotonic() - sent_at < held_s / 2:
            await asyncio.sleep(pause_s)
            pause_s = min(GROWTH * pause_s, LONGEST_PAUSE_S)
