"""Renders one picture on a server: submit, wait, save; cancels the request when interrupted."""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from cli.client.api import CANCEL_TIMEOUT_S, Api, JsonObject
from cli.client.errors import CallError, RequestFailed
from cli.output_files import atomic_write
from jobs.lifecycle.status import TERMINAL

LONG_POLL_S = 25
"""The `wait` of a poll; a server without long polling responds at once."""
WATCHED_POLL_S = 1
"""The `wait` of a poll while a terminal shows the position in the queue."""
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 2.0
GROWTH = 1.5

OnStatus = Callable[[JsonObject], None]


async def await_end(api: Api, request_id: str, on_status: OnStatus, wait_s: int = LONG_POLL_S) -> JsonObject:
    """Poll until the request is finished; returns its status. Raises `CallError`, also if it has expired."""
    pause_s = FIRST_PAUSE_S
    while True:
        sent_at = time.monotonic()
        answer = await api.status(request_id, wait_s)
        on_status(answer)
        if answer.get("status") in TERMINAL:
            return answer
        if time.monotonic() - sent_at < wait_s / 2:
            await asyncio.sleep(pause_s)
            pause_s = min(GROWTH * pause_s, LONGEST_PAUSE_S)


async def render_and_save(
    api: Api, model: str, body: Mapping[str, Any], out: Path, on_status: OnStatus, wait_s: int = LONG_POLL_S
) -> JsonObject:
    """Render a picture, save it as `out` and return the server's result. Cancellation cancels the request.

    Raises `RequestFailed`, `CallError`; OSError if the file cannot be written.
    """
    submit = asyncio.create_task(api.submit(model, body, str(uuid4())))
    try:
        request_id = await asyncio.shield(submit)  # cancelling the request needs its id
        on_status({"status": "QUEUED", "request_id": request_id})
        ended = await await_end(api, request_id, on_status, wait_s)
    except asyncio.CancelledError:
        await _cancel(api, submit, on_status)
        raise
    if ended["status"] == "FAILED":
        raise RequestFailed(ended)
    result = await api.result(request_id)
    with atomic_write(out) as file:
        await api.picture(result["images"][0]["file_name"], file)
    return result


async def _cancel(api: Api, submit: "asyncio.Task[str]", on_status: OnStatus) -> None:
    with suppress(CallError, TimeoutError, asyncio.CancelledError):
        async with asyncio.timeout(CANCEL_TIMEOUT_S):
            cancelled = await api.cancel("requests", await submit)
        on_status({**cancelled, "status": "CANCELLED"})
