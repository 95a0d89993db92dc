"""One picture made by a server: submitted, waited for, saved; given up, it is cancelled."""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from cli.client.api import CANCEL_S, Api, JsonObject
from cli.client.errors import CallError, RequestFailed
from cli.client.saving import appearing
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


async def make(
    api: Api, model: str, body: Mapping[str, Any], out: Path, on_status: OnStatus, held_s: int = HELD_S
) -> JsonObject:
    """Make a picture and save it as `out`; returns its result as the server has it.

    Raises `RequestFailed`, `CallError`; OSError, if it cannot be saved. Cancelled, it cancels the request.
    """
    submit = asyncio.create_task(api.submit(model, body, str(uuid4())))
    try:
        request_id = await asyncio.shield(submit)  # cancelled in the middle, its id is still needed
        on_status({"status": "QUEUED", "request_id": request_id})
        ended = await until_ended(api, request_id, on_status, held_s)
    except asyncio.CancelledError:
        await _cancel(api, submit, on_status)
        raise
    if ended["status"] == "FAILED":
        raise RequestFailed(ended)
    result = await api.result(request_id)
    with appearing(out) as file:
        await api.picture(result["images"][0]["file_name"], file)
    return result


async def _cancel(api: Api, submit: "asyncio.Task[str]", on_status: OnStatus) -> None:
    with suppress(CallError, TimeoutError, asyncio.CancelledError):
        async with asyncio.timeout(CANCEL_S):
            cancelled = await api.cancel(await submit)
        on_status({**cancelled, "status": "CANCELLED"})
