"""Calls to a busy server."""

import asyncio

import httpx
import pytest

from cli.client.calls import LONGEST_PAUSE_S, Calls

URL = "http://here/v2/superimpose"


class Busy(httpx.AsyncBaseTransport):
    """Refuses calls with these statuses and Retry-After values, then answers 200."""

    def __init__(self, *refusals: tuple[int, str]) -> None:
        self._refusals = list(refusals)

    async def handle_async_request(self, _: httpx.Request) -> httpx.Response:
        if not self._refusals:
            return httpx.Response(200)
        status, retry_after = self._refusals.pop(0)
        return httpx.Response(status, headers={"Retry-After": retry_after})


def called(server: Busy, **options: float) -> tuple[int, list[float]]:
    """The status of the response, and the pauses before it."""
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    async def call() -> int:
        async with httpx.AsyncClient(transport=server) as http:
            calls = Calls(http, lambda _why, _seconds: None, sleep)
            return (await calls.call("POST", URL, **options)).status_code

    return asyncio.run(call()), pauses


@pytest.mark.parametrize("status", [429, 502])
def test_retry_after_is_obeyed_up_to_a_limit(status):
    answered, pauses = called(Busy((status, "7"), (status, "86400")))

    assert answered == 200
    assert pauses == [7, LONGEST_PAUSE_S]


def test_a_server_that_stays_busy_is_given_up():
    assert called(Busy((429, "1")), total_timeout_s=0) == (429, [])
