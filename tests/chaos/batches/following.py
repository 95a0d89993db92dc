"""The clients of batches: each follows one from its submit to its last picture, through all faults."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from typing import Any, ClassVar
from zipfile import ZipFile

import httpx

from compositor.models import DEFAULT_MODEL
from jobs.lifecycle.status import TERMINAL, Status
from tests.chaos.batches.submissions import TYPES, SubmittedBatch
from tests.chaos.census import Census
from tests.chaos.client import OK, Client, GaveUp, TooLate, check_status, submit_concurrently
from tests.chaos.load import Outcome, RequestOutcome

TIMEOUT_S = 150
WAIT_S = 1  # a long poll, which must be answered before the client gives a call up
READ_EVERY_S = 2  # results, also before the batch has ended: its first ones may expire before that
PAGE = 100
PICTURES_ONE_IN = 8
"""Share of results whose picture is fetched by URL; the archive has the others."""

TORN_AT = 0.7
"""Share of a body that is sent before the connection breaks."""


@dataclass
class BatchOutcome(Outcome):
    members: Sequence[RequestOutcome] = field(default=(), repr=False)
    counts: list[Mapping[str, int]] = field(default_factory=list)
    """The counts of all status responses, in order."""
    listed: Sequence[Mapping[str, Any]] = ()
    """Its requests as last listed."""
    results: list[Sequence[Mapping[str, Any]]] = field(default_factory=list)
    """The lines of each results response; the last one is from after the end."""
    archive: Mapping[str, bytes] | None = field(default=None, repr=False)
    """Pictures in the archive by custom id."""
    archived_at: float = 0
    cancelled_at: float = 0
    """Unix times of the responses."""

    what: ClassVar = "batch"

    @property
    def has_ended(self) -> bool:
        """Whether it is finished, as far as the client knows."""
        return self.response.get("status") == Status.COMPLETED

    @property
    def webhook_url(self) -> str:
        return self.submission.webhook_url or ""

    @property
    def message_id(self) -> str | None:
        return self.event_id("completed") if self.webhook_url and self.ids else None

    @property
    def event(self) -> Mapping[str, Any]:
        response = self.response if self.has_ended else {"status": Status.COMPLETED}
        return {"type": "batch.completed", "batch_id": self.its_id, **response}


class _BrokenOff(Exception):
    """A body that breaks off."""


@dataclass
class BatchLoad:
    """Submits batches at a steady rate; `batches` and `outcomes` grow during the run."""

    client: Client
    census: Census
    outcomes: list[RequestOutcome]
    look_again_s: float
    wanted: asyncio.Event
    """When set, the next batch is submitted at once."""
    batches: list[BatchOutcome] = field(default_factory=list)

    async def run(self, submission: Sequence[SubmittedBatch], seconds: float) -> None:
        """Submit the batches over `seconds`, and follow each to its end."""
        began_at = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for number, each in enumerate(submission):
                due_at = began_at + (number + 0.5) * seconds / len(submission)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.wanted.wait(), max(0.0, due_at - time.monotonic()))
                self.wanted.clear()
                outcome = BatchOutcome(each, members=list(map(RequestOutcome, each.members)))
                self.batches.append(outcome)
                group.create_task(self._follow(outcome, twice=number % 2 == 0))

    async def _follow(self, outcome: BatchOutcome, twice: bool) -> None:
        forms = [outcome.submission.is_lines, not outcome.submission.is_lines][: 1 + twice]
        try:
            await submit_concurrently(
                [self._submit(outcome, is_lines) for is_lines in forms], self.look_again_s
            )
            if not outcome.ids:
                return  # it was refused
            self.outcomes += outcome.members
            if outcome.submission.cancel_after_s is not None:
                await self._cancel(outcome, outcome.submission.cancel_after_s)
            await self._await_end(outcome)
            await self._list(outcome)
            await self._read_results(outcome)
            await self._fetch_archive(outcome)
        except TooLate:
            self.client.answers["batch came too late"] += 1
        except GaveUp as error:
            outcome.complaint = str(error)
        finally:
            self._learn_the_rest(outcome)

    async def _submit(self, outcome: BatchOutcome, is_lines: bool) -> None:
        submission, path = outcome.submission, f"/v2/{DEFAULT_MODEL}/batch"
        headers = {"Idempotency-Key": submission.idempotency_key, "content-type": TYPES[is_lines]}
        content = submission.content(is_lines)
        if submission.kind == "torn":
            headers["x-api-key"] = self.client.keys[submission.key_id]
            with contextlib.suppress(_BrokenOff, httpx.TransportError):
                await self.client.http.post(path, content=_torn(content), headers=headers)
            return
        answer = await self.client.ask(
            submission.key_id, "submit of a batch", "POST", path, headers=headers, content=content
        )
        check_status(answer, False, {200, 400} if submission.is_refused else OK)
        if answer.status_code == 400:
            return
        self.client.answers["submit of a batch replayed"] += "idempotent-replayed" in answer.headers
        outcome.ids.add(answer.json()["batch_id"])
        for member in outcome.members:
            member.accepted_at = member.accepted_at or time.monotonic()

    async def _cancel(self, outcome: BatchOutcome, after_s: float) -> None:
        await asyncio.sleep(after_s)
        for member in outcome.members:
            member.may_be_cancelled = True
        answer = await self._ask(outcome, "cancel of a batch", "POST", "/cancel", allowed={200, 409})
        outcome.cancel_status, outcome.cancelled_at = answer.status_code, time.time()

    async def _await_end(self, outcome: BatchOutcome) -> None:
        began_at = read_at = time.monotonic()
        while time.monotonic() < began_at + TIMEOUT_S:
            answer = await self._ask(outcome, "batch", "GET", f"?wait={WAIT_S}")
            outcome.response = answer.json()
            outcome.counts.append(outcome.response["request_counts"])
            if outcome.has_ended:
                return
            if time.monotonic() > read_at + READ_EVERY_S:
                await self._list(outcome)
                await self._read_results(outcome)
                read_at = time.monotonic()
        raise GaveUp(f"still {outcome.response['request_counts']} after {TIMEOUT_S} s")

    async def _list(self, outcome: BatchOutcome) -> None:
        """Requests that have entered the queue."""
        rows = list[Mapping[str, Any]]()
        while len(rows) % PAGE == 0:
            answer = await self._ask(outcome, "list", "GET", f"/requests?offset={len(rows)}&limit={PAGE}")
            if not (page := answer.json()["requests"]):
                break
            rows += page
        outcome.listed = rows
        for member, row in zip(outcome.members, rows, strict=False):
            member.ids.add(row["request_id"])

    async def _read_results(self, outcome: BatchOutcome) -> None:
        answer = await self._ask(outcome, "results", "GET", "/results")
        lines = [json.loads(line) for line in answer.content.splitlines()]
        outcome.results.append(lines)
        members = {member.its_id: member for member in outcome.members}
        for nth, line in enumerate(lines):
            member = members.get(line["request_id"])
            if member is None or member.status or line.get("status") not in TERMINAL:
                continue
            member.learn_end(line)
            member.response = line
            if member.status is Status.COMPLETED:
                member.expires_at = datetime.fromisoformat(line["expires_at"]).timestamp()
                if nth % PICTURES_ONE_IN == 0:
                    await self._fetch(outcome, member, line["output"])

    async def _fetch(self, outcome: BatchOutcome, member: RequestOutcome, url: str) -> None:
        answer = await self.client.ask(outcome.submission.key_id, "picture", "GET", url)
        if answer.status_code == 200:
            member.picture = answer.content
        elif not self.census.expired(member.its_id):
            member.complaint = f"its picture was answered {answer.status_code} {answer.text}"

    async def _fetch_archive(self, outcome: BatchOutcome) -> None:
        url = outcome.response["zip_url"]
        answer = await self.client.ask(outcome.submission.key_id, "archive", "GET", url)
        outcome.archived_at = time.time()
        check_status(answer, self.census.has_expired(outcome.its_id), OK)
        with ZipFile(BytesIO(answer.content)) as archive:
            names = set(archive.namelist()) - {"missing.txt"}
            outcome.archive = {name.rpartition(".")[0]: archive.read(name) for name in names}
        for member in outcome.members:
            name = member.submission.options.get("custom_id", member.its_id)
            member.picture = outcome.archive.get(name, member.picture)

    def _learn_the_rest(self, outcome: BatchOutcome) -> None:
        """Complete what the client missed from the records."""
        batch = self.census.batches.get(outcome.its_id)
        for member, request_id in zip(outcome.members, batch.request_ids if batch else (), strict=False):
            member.ids.add(request_id)
            record = self.census.last_records.get(request_id, {})
            if member.status is None and record.get("status") in TERMINAL:
                member.learn_end(record)
                self.client.answers["came too late"] += 1

    async def _ask(
        self, outcome: BatchOutcome, what: str, method: str, path: str, allowed: Set[int] = OK
    ) -> httpx.Response:
        url = f"/v2/batches/{outcome.its_id}{path}"
        answer = await self.client.ask(outcome.submission.key_id, what, method, url)
        check_status(answer, self.census.has_expired(outcome.its_id), allowed)
        return answer


async def _torn(content: bytes) -> AsyncIterator[bytes]:
    yield content[: int(TORN_AT * len(content))]
    raise _BrokenOff
