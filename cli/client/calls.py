"""One call over HTTP, retried while that may help."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, BinaryIO

import httpx

from cli.client.errors import Unreachable

AGAIN_LATER = frozenset({429, 502, 503, 504})
PATIENCE_S = 300
"""For one call, all repetitions together."""
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 60
SPREAD = 0.2  # so that clients refused together do not retry together

NOT_CONNECTED = (httpx.ConnectError, httpx.ConnectTimeout)

Sleep = Callable[[float], Awaitable[None]]
OnPause = Callable[[str, float], None]
"""Gets why a call is retried, and in how many seconds."""

Again = Callable[[httpx.Response], bool]
"""Whether an answer may be another one later."""


def may_change(answer: httpx.Response) -> bool:
    return answer.status_code in AGAIN_LATER


class Calls:
    """Calls a server, each again while that may help: it knows repetitions of what changes something.

    A server that cannot be connected to is given up at once, unless it has answered before: then it restarts.
    """

    def __init__(self, http: httpx.AsyncClient, on_pause: OnPause, sleep: Sleep = asyncio.sleep) -> None:
        self._http = http
        self._on_pause = on_pause
        self._sleep = sleep
        self._reached = False

    async def call(
        self,
        method: str,
        path: str,
        *,
        into: BinaryIO | None = None,
        patience_s: float = PATIENCE_S,
        again: Again = may_change,
        **request: Any,
    ) -> httpx.Response:
        """The answer, which may be an error; the body of a 200 is written `into` a file where one is given.

        Raises `Unreachable`.
        """
        deadline, pause_s = time.monotonic() + patience_s, FIRST_PAUSE_S
        while True:
            wait_s = pause_s * random.uniform(1, 1 + SPREAD)  # noqa: S311
            try:
                answer = await self._once(self._http.build_request(method, path, **request), into)
                self._reached = True
                if not again(answer):
                    return answer
                wait_s = max(wait_s, retry_after_s(answer.headers))
                if time.monotonic() + wait_s > deadline:
                    return answer
                why = f"the server answers {answer.status_code}"
            except httpx.RequestError as error:
                lost = isinstance(error, NOT_CONNECTED) and not self._reached
                if lost or time.monotonic() + wait_s > deadline:
                    raise Unreachable(self._unreachable(error)) from None
                why = "the server does not answer"
            self._on_pause(why, wait_s)
            await self._sleep(wait_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _once(self, request: httpx.Request, into: BinaryIO | None) -> httpx.Response:
        answer = await self._http.send(request, stream=True)
        try:
            if into is not None and answer.status_code == httpx.codes.OK:
                into.seek(0)
                into.truncate()
                async for block in answer.aiter_bytes():
                    into.write(block)
            else:
                await answer.aread()
        finally:
            await answer.aclose()
        return answer

    def _unreachable(self, error: httpx.RequestError) -> str:
        """Without httpx's text, which may be empty or the system's."""
        what = "answers too slowly" if isinstance(error, httpx.TimeoutException) else "cannot be reached"
        return (
            f"{str(self._http.base_url).rstrip('/')} {what}: start it with `superimpose up`, "
            "or give another --server"
        )


def retry_after_s(headers: Mapping[str, str]) -> float:
    """Seconds that an answer asks to wait, as far as we are willing to; 0 where it does not say."""
    text = headers.get("retry-after", "")
    return min(float(text), LONGEST_PAUSE_S) if text.isascii() and text.isdecimal() else 0
