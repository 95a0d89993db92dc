"""HTTP calls with retries."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, BinaryIO

import httpx

from cli.client.errors import Unreachable

RETRYABLE = frozenset({429, 502, 503, 504})
TOTAL_TIMEOUT_S = 300
"""For one call with all its retries."""
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 60
SPREAD = 0.2  # so that clients refused at the same time do not retry at the same time

NOT_CONNECTED = (httpx.ConnectError, httpx.ConnectTimeout)

Sleep = Callable[[float], Awaitable[None]]
OnPause = Callable[[str, float], None]
"""Called with the reason of a retry and the seconds until then."""


def is_retryable(response: httpx.Response) -> bool:
    return response.status_code in RETRYABLE


class Calls:
    """Calls a server and retries; every call is idempotent, so repeating it is safe.

    A refused connection is only retried if the server has answered before: then it is probably restarting.
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
        total_timeout_s: float = TOTAL_TIMEOUT_S,
        should_retry: Callable[[httpx.Response], bool] = is_retryable,
        **request: Any,
    ) -> httpx.Response:
        """The response, perhaps an error; the body of a 200 is written `into` the file, if any.

        Raises `Unreachable`.
        """
        deadline, pause_s = time.monotonic() + total_timeout_s, FIRST_PAUSE_S
        while True:
            wait_s = pause_s * random.uniform(1, 1 + SPREAD)  # noqa: S311
            try:
                response = await self._once(self._http.build_request(method, path, **request), into)
                self._reached = True
                if not should_retry(response):
                    return response
                wait_s = max(wait_s, retry_after_s(response.headers))
                if time.monotonic() + wait_s > deadline:
                    return response
                why = f"the server answers {response.status_code}"
            except httpx.RequestError as error:
                lost = isinstance(error, NOT_CONNECTED) and not self._reached
                if lost or time.monotonic() + wait_s > deadline:
                    raise self._unreachable(error) from None
                why = "the server does not answer"
            self._on_pause(why, wait_s)
            await self._sleep(wait_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _once(self, request: httpx.Request, into: BinaryIO | None) -> httpx.Response:
        response = await self._http.send(request, stream=True)
        try:
            if into is not None and response.status_code == httpx.codes.OK:
                into.seek(0)
                into.truncate()
                async for block in response.aiter_bytes():
                    into.write(block)
            else:
                await response.aread()
        finally:
            await response.aclose()
        return response

    def _unreachable(self, error: httpx.RequestError) -> Unreachable:
        """Does not quote httpx, whose text may be empty or the operating system's."""
        what = "answers too slowly" if isinstance(error, httpx.TimeoutException) else "cannot be reached"
        url = str(self._http.base_url).rstrip("/")
        return Unreachable(f"{url} {what}: start it with `superimpose up`, or give another --server")


def retry_after_s(headers: Mapping[str, str]) -> float:
    """Seconds of the Retry-After header, at most `LONGEST_PAUSE_S`; 0 without a valid one."""
    text = headers.get("retry-after", "")
    return min(float(text), LONGEST_PAUSE_S) if text.isascii() and text.isdecimal() else 0
