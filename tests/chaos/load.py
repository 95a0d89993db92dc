"""The clients: each follows one request from its submit to its picture, through all faults."""

import asyncio
import time
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

import httpx

from jobs.lifecycle.status import FailureCode, Status
from tests.chaos.census import Census
from tests.chaos.client import OK, TIMEOUT_S, Client, GaveUp, TooLate, check_status, submit_concurrently
from tests.chaos.requests import RequestGenerator

POLL_S = 1
TWICE_ONE_IN = 20
"""Share of clients that submit twice at the same time."""


@dataclass
class Outcome:
    """What a client learned about its request or batch."""

    submission: Any
    ids: set[str] = field(default_factory=set)
    """All ids in responses; more than one is a bug."""
    response: Mapping[str, Any] = field(default_factory=dict)
    """The last response about its status."""
    cancel_status: int | None = None
    complaint: str | None = None

    what: ClassVar = "request"

    def __str__(self) -> str:
        return f"{self.what} {self.its_id} ({self.submission.kind})"

    @property
    def its_id(self) -> str:
        return min(self.ids, default="none")

    def event_id(self, ending: str) -> str:
        return f"msg_{self.its_id.replace('-', '')}_{ending}"


@dataclass
class RequestOutcome(Outcome):
    """Times are of the monotonic clock."""

    accepted_at: float | None = None
    ended_at: float | None = None
    status: Status | None = None
    code: FailureCode | None = None
    error: str | None = None
    may_be_cancelled: bool = False
    """Whether its client cancelled it, or its batch."""
    picture: bytes | None = field(default=None, repr=False)
    expires_at: float = 0
    """Unix time until which the picture can be fetched."""

    @property
    def webhook_url(self) -> str:
        return str(self.submission.options.get("webhook_url", ""))

    @property
    def message_id(self) -> str | None:
        """The id of its event; None if it has none."""
        ending = (self.status or "").lower()
        events = self.submission.options.get("webhook_events", ["completed", "failed"])
        return self.event_id(ending) if self.webhook_url and ending in events else None

    @property
    def event(self) -> Mapping[str, Any]:
        """What the event must contain; without the result if that expired before the client fetched it."""
        return {"type": f"request.{(self.status or '').lower()}", "request_id": self.its_id, **self.response}

    def learn_end(self, response: Mapping[str, Any]) -> None:
        """From a response, or from the record if the client was too late."""
        self.ended_at = self.ended_at or time.monotonic()
        self.status, self.error = Status(response["status"]), response.get("error")
        self.code = FailureCode(response["code"]) if "code" in response else None


@dataclass
class Load:
    """Submits requests at a steady rate; `outcomes` grows during the run."""

    client: Client
    generator: RequestGenerator
    look_again_s: float
    """Time after which a picture is fetched again."""
    census: Census
    outcomes: list[RequestOutcome] = field(default_factory=list)

    async def run(self, requests: int, seconds: float) -> None:
        """Submit `requests` over `seconds`, and follow each to its end."""
        began_at = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for number in range(requests):
                await asyncio.sleep(max(0.0, began_at + number * seconds / requests - time.monotonic()))
                outcome = RequestOutcome(self.generator.next())
                self.outcomes.append(outcome)
                group.create_task(self._follow(outcome, twice=number % TWICE_ONE_IN == 0))

    async def _follow(self, outcome: RequestOutcome, twice: bool) -> None:
        try:
            await submit_concurrently([self._submit(outcome) for _ in range(1 + twice)], self.look_again_s)
            if not outcome.ids:
                return  # it was refused
            if outcome.submission.cancel_after_s is not None:
                await self._cancel(outcome, outcome.submission.cancel_after_s)
            await self._await_end(outcome)
            if outcome.status is Status.COMPLETED:
                url = await self._result(outcome)
                outcome.picture = await self._picture(outcome, url)
                await self._fetch_again(outcome, url)
        except TooLate:
            outcome.learn_end(self.census.last_records[outcome.its_id])
            self.client.answers["came too late"] += 1
        except GaveUp as error:
            outcome.complaint = str(error)

    async def _submit(self, outcome: RequestOutcome) -> None:
        submission = outcome.submission
        path, body = f"/v2/{submission.model}", submission.full_body
        headers = {"Idempotency-Key": submission.idempotency_key}
        allowed = {200, 400} if submission.kind == "refused" else OK
        answer = await self._ask(outcome, "submit", "POST", path, allowed, json=body, headers=headers)
        if answer.status_code == 400:
            return
        self.client.answers["submit replayed"] += "idempotent-replayed" in answer.headers
        outcome.ids.add(answer.json()["request_id"])
        outcome.accepted_at = outcome.accepted_at or time.monotonic()

    async def _cancel(self, outcome: RequestOutcome, after_s: float) -> None:
        await asyncio.sleep(after_s)
        outcome.may_be_cancelled = True
        path = f"/v2/requests/{outcome.its_id}/cancel"
        answer = await self._ask(outcome, "cancel", "POST", path, {200, 404, 409})
        outcome.cancel_status = answer.status_code

    async def _await_end(self, outcome: RequestOutcome) -> None:
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline:
            path = f"/v2/requests/{outcome.its_id}/status"
            body = (await self._ask(outcome, "poll", "GET", path, {200, 422})).json()
            if body["status"] in (Status.COMPLETED, Status.FAILED):
                outcome.learn_end(body)
                outcome.response = body
                return
            await asyncio.sleep(POLL_S)
        raise GaveUp(f"still {body['status']} after {TIMEOUT_S} s")

    async def _result(self, outcome: RequestOutcome) -> str:
        result = await self._ask(outcome, "result", "GET", f"/v2/requests/{outcome.its_id}")
        outcome.response = body = result.json()
        outcome.expires_at = datetime.fromisoformat(body["expires_at"]).timestamp()
        return str(body["output"])

    async def _picture(self, outcome: RequestOutcome, url: str) -> bytes:
        return (await self._ask(outcome, "picture", "GET", url)).content

    async def _fetch_again(self, outcome: RequestOutcome, url: str) -> None:
        """Check that the same picture is served until it expires."""
        await asyncio.sleep(self.look_again_s)
        try:
            same = await self._picture(outcome, url) == outcome.picture
        except TooLate:
            return
        except GaveUp as error:
            raise GaveUp(f"later, {error}; it lives until {outcome.expires_at:.1f}") from None
        if not same:
            raise GaveUp("later, the picture was another")

    async def _ask(
        self,
        outcome: RequestOutcome,
        what: str,
        method: str,
        url: str,
        allowed: Set[int] = OK,
        **options: Any,
    ) -> httpx.Response:
        answer = await self.client.ask(outcome.submission.key_id, what, method, url, **options)
        check_status(answer, self.census.expired(outcome.its_id) is not None, allowed)
        return answer

    @property
    def last_expiry(self) -> float:
        """Unix time when the last picture expires."""
        return max((outcome.expires_at for outcome in self.outcomes), default=0)
