"""The clients: each follows one logical request from its submit to its picture, whatever happens."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx

from jobs.lifecycle.status import FailureCode, Status
from tests.chaos.census import Census
from tests.chaos.requests import Asked, Asking

TRY_AGAIN = frozenset({429, 500, 502, 503})
TRY_AGAIN_S = 0.5
BACK_OFF = 1.5
LONGEST_PAUSE_S = 3
POLL_S = 1
ANSWER_S = 5
PATIENCE_S = 90
TWICE_ONE_IN = 20
"""As often a client submits twice at the same time."""


class TooLate(Exception):
    """The request has ended and expired before its client, held up by faults, came to look."""


class GaveUp(Exception):
    """Something did not come within the client's patience; the text says what."""


@dataclass
class Told:
    """What a client was told about its request; times are of the monotonic clock."""

    asked: Asked
    request_ids: set[str] = field(default_factory=set)
    accepted_at: float | None = None
    ended_at: float | None = None
    status: Status | None = None
    code: FailureCode | None = None
    error: str | None = None
    cancel_status: int | None = None
    said: Mapping[str, Any] = field(default_factory=dict)
    """The last answer about how it ended."""
    picture: bytes | None = field(default=None, repr=False)
    expires_at: float = 0
    """Until when it may be fetched, in seconds since the epoch."""
    complaint: str | None = None

    @property
    def request_id(self) -> str:
        """Its one id."""
        return min(self.request_ids, default="none")


@dataclass
class Load:
    """Submits at a steady rate; `told` grows while it runs, `answers` counts what was answered to what."""

    client: httpx.AsyncClient
    asking: Asking
    look_again_s: float
    """After this time a picture is fetched once more."""
    census: Census
    told: list[Told] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)

    async def run(self, requests: int, seconds: float) -> None:
        """Submit `requests` over `seconds`, and follow each to its end."""
        began_at = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for number in range(requests):
                await asyncio.sleep(max(0.0, began_at + number * seconds / requests - time.monotonic()))
                told = Told(self.asking.next())
                self.told.append(told)
                group.create_task(self._follow(told, twice=number % TWICE_ONE_IN == 0))

    async def _follow(self, told: Told, twice: bool) -> None:
        try:
            await self._submit_at_once(told, 2 if twice else 1)
            if not told.request_ids:
                return  # it was refused
            if told.asked.cancel_after_s is not None:
                await self._cancel(told, told.asked.cancel_after_s)
            await self._await_end(told)
            if told.status is Status.COMPLETED:
                url = await self._result(told)
                told.picture = await self._picture(told, url)
                await self._fetch_again(told, url)
        except TooLate:
            self._believe(told, self.census.last_records[told.request_id])
        except GaveUp as error:
            told.complaint = str(error)

    def _believe(self, told: Told, record: Mapping[str, str]) -> None:
        """What became of it, from its record; only its picture was never seen."""
        self.answers["came too late"] += 1
        told.ended_at = told.ended_at or time.monotonic()
        told.status, told.error = Status(record["status"]), record.get("error")
        told.code = FailureCode(record["code"]) if "code" in record else None

    def _is_gone(self, told: Told, answer: httpx.Response) -> None:
        """Raises `TooLate` for a 404 that is right."""
        if answer.status_code == 404 and self.census.expired(told.request_id):
            raise TooLate

    async def _submit_at_once(self, told: Told, times: int) -> None:
        """A repetition goes on for a while only, as its key is forgotten when the request expires."""
        submits = [asyncio.create_task(self._submit(told)) for _ in range(times)]
        await asyncio.wait(submits, return_when=asyncio.FIRST_COMPLETED)
        done, late = await asyncio.wait(submits, timeout=self.look_again_s)
        for submit in late:
            submit.cancel()
        for submit in done:
            submit.result()

    async def _submit(self, told: Told) -> None:
        headers = {"Idempotency-Key": told.asked.idempotency_key}
        path = f"/v2/{told.asked.model}"
        answer = await self._ask("submit", "POST", path, json=told.asked.submitted, headers=headers)
        if answer.status_code == 400 and told.asked.kind == "refused":
            return
        if answer.status_code != 200:
            raise GaveUp(f"submit was answered {answer.status_code} {answer.text}")
        self.answers["submit replayed"] += "idempotent-replayed" in answer.headers
        told.request_ids.add(answer.json()["request_id"])
        told.accepted_at = told.accepted_at or time.monotonic()

    async def _cancel(self, told: Told, after_s: float) -> None:
        await asyncio.sleep(after_s)
        answer = await self._ask("cancel", "POST", f"/v2/requests/{told.request_id}/cancel")
        told.cancel_status = answer.status_code

    async def _await_end(self, told: Told) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            answer = await self._ask("poll", "GET", f"/v2/requests/{told.request_id}/status")
            body = answer.json()
            self._is_gone(told, answer)
            if answer.status_code not in (200, 422):
                raise GaveUp(f"a poll was answered {answer.status_code} {answer.text}")
            if body["status"] in (Status.COMPLETED, Status.FAILED):
                told.ended_at = time.monotonic()
                told.said = body
                told.status, told.error = Status(body["status"]), body.get("error")
                told.code = FailureCode(body["code"]) if "code" in body else None
                return
            await asyncio.sleep(POLL_S)
        raise GaveUp(f"still {body['status']} after {PATIENCE_S} s")

    async def _result(self, told: Told) -> str:
        result = await self._ask("result", "GET", f"/v2/requests/{told.request_id}")
        self._is_gone(told, result)
        if result.status_code != 200:
            raise GaveUp(f"the result was answered {result.status_code} {result.text}")
        told.said = body = result.json()
        told.expires_at = datetime.fromisoformat(body["expires_at"]).timestamp()
        return str(body["output"])

    async def _picture(self, told: Told, url: str) -> bytes:
        answer = await self._ask("picture", "GET", url)
        self._is_gone(told, answer)
        if answer.status_code != 200:
            raise GaveUp(f"the picture was answered {answer.status_code} {answer.text}")
        return answer.content

    async def _fetch_again(self, told: Told, url: str) -> None:
        """The same picture is there until it expires."""
        await asyncio.sleep(self.look_again_s)
        try:
            same = await self._picture(told, url) == told.picture
        except TooLate:
            return
        except GaveUp as error:
            raise GaveUp(f"later, {error}; it lives until {told.expires_at:.1f}") from None
        if not same:
            raise GaveUp("later, the picture was another")

    async def _ask(self, what: str, method: str, url: str, **options: object) -> httpx.Response:
        """The first answer that is one, asking again as long as there is none."""
        deadline = time.monotonic() + PATIENCE_S
        last, pause_s = "nothing", TRY_AGAIN_S
        while time.monotonic() < deadline:
            try:
                answer = await self.client.request(method, url, **options)  # type: ignore[arg-type]
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
        raise GaveUp(f"no answer to a {what} within {PATIENCE_S} s, last {last}")

    @property
    def last_expiry(self) -> float:
        """When the last of the pictures has expired, in seconds since the epoch."""
        return max((told.expires_at for told in self.told), default=0)
