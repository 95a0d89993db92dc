"""Taking a batch in: every request checked and kept as it is read, then all of them accepted, or none."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Request
from fastapi.concurrency import run_in_threadpool

from api.batches.body import NDJSON_TYPES, Member, read_batch
from api.batches.checking import DEFAULTS, BatchCheck, Checked
from api.batches.errors import too_slow
from api.dependencies import add_credits_header
from api.errors import queue_full
from api.http.body import media_type, reserve_room
from api.http.headers import add_to_answer
from api.http.route_classes import traceparent_of
from api.routes.submit import admit_submit, refusals
from api.service import Service
from api.submit_body import BodyRules
from jobs.batches.command import BatchCommand
from jobs.batches.opening import BatchDropped, CreatedBatch, InvalidRequests, OpenBatch
from jobs.batches.scripts import OPEN_FOR_S
from jobs.lifecycle.moves import QueueFull
from jobs.pictures.references import InvalidPictures
from telemetry.log_context import bind_contextvars

AT_A_TIME = 50  # requests whose pictures are looked up together
BYTES_AT_A_TIME = 1024 * 1024  # beyond which there are fewer

log = logging.getLogger("superimpose.api")


async def accept_batch(request: Request, service: Service, origin: str, model: str) -> CreatedBatch:
    """Check key, headers and body, and put all of its requests in the queue."""
    settings = service.settings
    key, headers = await admit_submit(request, service)
    is_stream = media_type(request) in NDJSON_TYPES
    most = settings.max_batch_bytes if is_stream else settings.max_body_bytes
    async with reserve_room(request, service.body_room, key.key_id, most):
        whole_by = asyncio.get_running_loop().time() + OPEN_FOR_S
        async with _read_by(whole_by):
            head, members, total = await read_batch(request, settings)
        rules = BodyRules(settings, origin)
        check = await run_in_threadpool(BatchCheck, model, head, rules, headers.timeouts)
        command = BatchCommand(
            key.key_id,
            origin,
            headers.deadlines,
            headers.idempotency_key,
            headers.timeouts,
            traceparent_of(request),
            head.webhook_url,
        )
        with refusals(request):
            try:
                async with await service.batches.open(
                    command, service.store_threads.run, total or 1
                ) as batch:
                    created = await _take_in(batch, check, members, whole_by)
            except QueueFull as error:
                if count := total or check.count:
                    what = f"the queue has no room for all of these {count:,} requests"
                    raise queue_full(error, what) from None
                raise
    bind_contextvars(batch_id=created.batch_id)
    add_credits_header(request, created.credits)
    if created.replayed:
        add_to_answer(request, {"Idempotent-Replayed": "true"})
    again = ", again" if created.replayed else ""
    log.info("batch %s of %d accepted from %s%s", created.batch_id, check.count, key.key_id, again)
    return created


@asynccontextmanager
async def _read_by(whole_by: float) -> AsyncIterator[None]:
    """Raises 400 when it takes longer than to this time of the loop."""
    limit = asyncio.timeout_at(whole_by)
    try:
        async with limit:
            yield
    except TimeoutError:
        if limit.expired():
            raise too_slow() from None
        raise


async def _take_in(
    batch: OpenBatch, check: BatchCheck, members: AsyncIterator[Member], whole_by: float
) -> CreatedBatch:
    """Once one has a fault, nothing more is kept; the others are checked to name theirs. Raises 400."""
    try:
        async with _read_by(whole_by):
            await _read(batch, check, members)
        check.finish()
        return await batch.commit(check.fingerprint)  # what it asks Redis may be accepted: it is waited for
    except BatchDropped:
        raise too_slow() from None


async def _read(batch: OpenBatch, check: BatchCheck, members: AsyncIterator[Member]) -> None:
    try:
        await batch.share(check.defaults)
    except InvalidPictures as error:
        check.refuse(DEFAULTS, error.faults)
    async for some in _without_faults(check, members):
        try:
            if check.is_refused:
                await batch.check([each.body.params for each in some])
            else:
                await batch.add([each.body for each in some])
        except InvalidRequests as error:
            for nth, faults in error.faults.items():
                check.refuse(some[nth].place, faults)


async def _without_faults(check: BatchCheck, members: AsyncIterator[Member]) -> AsyncIterator[list[Checked]]:
    """Requests, some at a time."""
    some, size = list[Checked](), 0
    async for member in members:
        if found := await check.check(member):
            some.append(found)
            size += len(member.text)
        if len(some) == AT_A_TIME or size > BYTES_AT_A_TIME:
            yield some
            some, size = [], 0
    if some:
        yield some
