"""A client that repeats calls until it gets a response."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence, Set
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

TRY_AGAIN = frozenset({429, 500, 502, 503})
TRY_AGAIN_S = 0.5
BACK_OFF = 1.5
LONGEST_PAUSE_S = 3
ANSWER_S = 5
TIMEOUT_S = 90


OK: Set[int] = {200}


class GaveUp(Exception):
    """Something did not happen within the client's timeout; the text says what."""


class TooLate(Exception):
    """The request finished and expired before its client, delayed by faults, fetched the result."""


@dataclass
class Client:
    """`keys` are texts of API keys by id; `answers` counts responses by call."""

    http: httpx.AsyncClient
    keys: Mapping[str, str]
    answers: Counter[str] = field(default_factory=Counter)

    async def ask(
        self,
        key_id: str,
        what: str,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> httpx.Response:
        """The first response that is not caused by a fault. Raises `GaveUp`."""
        deadline = time.monotonic() + TIMEOUT_S
        last, pause_s = "nothing", TRY_AGAIN_S
        headers = {"x-api-key": self.keys[key_id], **(headers or {})}
        while time.monotonic() < deadline:
            try:
                answer = await self.http.request(method, url, headers=headers, **options)
            except httpx.TransportError as error:
                last = type(error).__name__
            else:
                last = str(answer.status_code)
                if answer.status_code not in TRY_AGAIN:
                    self.answers[f"{what} {last}"] += 1
                    return answer
            self.answers[f"{what} {last}"] += 1
            await asyncio.sleep(pause_s)
            pause_s = min(BACK_OFF * pause_s, LONGEST_PAUSE_S)
        raise GaveUp(f"no answer to a {what} within {TIMEOUT_S} s, last {last}")


def check_status(answer: httpx.Response, has_expired: bool, allowed: Set[int]) -> None:
    """Raises `TooLate` for a 404 of what has expired, else `GaveUp` for a status that is not allowed."""
    if answer.status_code == 404 and has_expired:
        raise TooLate
    if answer.status_code not in allowed:
        raise GaveUp(f"{answer.request.url.path} was answered {answer.status_code} {answer.text}")


async def submit_concurrently(calls: Sequence[Coroutine[None, None, None]], timeout_s: float) -> None:
    """Make the same submit several times, until one gets a response.

    The others are cancelled after a while, as an Idempotency-Key expires with its request.
    """
    submits = list(map(asyncio.ensure_future, calls))
    await asyncio.wait(submits, return_when=asyncio.FIRST_COMPLETED)
    done, late = await asyncio.wait(submits, timeout=timeout_s)
    for submit in late:
        submit.cancel()
    if failed := [error for submit in done if (error := submit.exception())]:
        raise failed[0]


@asynccontextmanager
async def connected(url: str, keys: Mapping[str, str]) -> AsyncIterator[Client]:
    """A client of the service at `url`."""
    async with httpx.AsyncClient(
        base_url=url,
        timeout=ANSWER_S,
        limits=httpx.Limits(max_connections=None),  # each request has its own client
        trust_env=False,
    ) as http:
        yield Client(http, keys)
