"""Accepting a batch: each request is checked and staged as it is read, then all are accepted, or none."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Request
from fastapi.concurrency import run_in_threadpool

from api.batches.body import NDJSON_TYPES, Member, read_batch
from api.batches.checking import DEFAULTS, BatchCheck, ValidRequest
from api.errors import queue_full, slow_batch
from api.http.body import media_type, reserve_memory
from api.http.route_classes import traceparent_of
from api.routes.submit import admit_submit, announce_accepted
from api.service import Service
from api.submit_body import BodyRules
from jobs.batches.opening import BatchDropped, CreatedBatch, InvalidRequests, OpenBatch
from jobs.batches.progress import OPEN_FOR_S
from jobs.lifecycle.moves import QueueFull
from jobs.pictures.references import InvalidPictures
from jobs.submission import BatchCommand
from telemetry.logs import bind_contextvars

AT_A_TIME = 50  # requests staged together
BYTES_AT_A_TIME = 1024 * 1024  # fewer requests are staged together if they are larger

log = logging.getLogger("superimpose.api")


async def accept_batch(request: Request, service: Service, origin: str, model: str) -> CreatedBatch:
    settings = service.settings
    key, headers = await admit_submit(request, service)
    is_streamed = media_type(request) in NDJSON_TYPES
    max_bytes = settings.max_batch_bytes if is_streamed else settings.max_body_bytes
    async with reserve_memory(request, service.body_memory, key.key_id, max_bytes):
        deadline = asyncio.get_running_loop().time() + OPEN_FOR_S
        async with _until(deadline):
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
        try:
            async with await service.batches.open(command, service.store_threads.run, total or 1) as batch:
                created = await _receive(batch, check, members, deadline)
        except QueueFull as error:
            if count := total or check.count:
                raise queue_full(error, f"the queue has no space for these {count:,} requests") from None
            raise
    bind_contextvars(batch_id=created.batch_id)
    announce_accepted(request, created.credits, created.replayed)
    again = ", again" if created.replayed else ""
    log.info("batch %s of %d accepted from %s%s", created.batch_id, check.count, key.key_id, again)
    return created


@asynccontextmanager
async def _until(deadline: float) -> AsyncIterator[None]:
    """Raises 400 at `deadline`, a time of the event loop."""
    timeout = asyncio.timeout_at(deadline)
    try:
        async with timeout:
            yield
    except TimeoutError:
        if timeout.expired():
            raise slow_batch() from None
        raise


async def _receive(
    batch: OpenBatch, check: BatchCheck, members: AsyncIterator[Member], deadline: float
) -> CreatedBatch:
    """Stage and commit all requests. After a fault nothing more is staged, only checked. Raises 400."""
    try:
        async with _until(deadline):
            await _read(batch, check, members)
        check.finish()
        return await batch.commit(check.fingerprint)  # outside the deadline: Redis may have accepted already
    except BatchDropped:
        raise slow_batch() from None


async def _read(batch: OpenBatch, check: BatchCheck, members: AsyncIterator[Member]) -> None:
    try:
        await batch.share(check.defaults)
    except InvalidPictures as error:
        check.refuse(DEFAULTS, error.faults)
    async for group in _valid_requests(check, members):
        try:
            if check.faults:
                await batch.check([each.body.params for each in group])
            else:
                await batch.add([each.body for each in group])
        except InvalidRequests as error:
            for nth, faults in error.faults.items():
                check.refuse(group[nth].place, faults)


async def _valid_requests(
    check: BatchCheck, members: AsyncIterator[Member]
) -> AsyncIterator[list[ValidRequest]]:
    group, size = list[ValidRequest](), 0
    async for member in members:
        if valid := await check.check(member):
            group.append(valid)
            size += len(member.text)
        if len(group) == AT_A_TIME or size > BYTES_AT_A_TIME:
            yield group
            group, size = [], 0
    if group:
        yield group
