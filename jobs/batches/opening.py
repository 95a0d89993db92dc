"""Accepts batches: requests are staged as they arrive, then all of them are accepted in one step."""

import contextlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Self
from uuid import uuid4

from redis import Redis, RedisError

from jobs.batches.progress import BatchProgress, script
from jobs.batches.record import BatchRecord
from jobs.config.settings import Settings
from jobs.lifecycle.creation import (
    Earlier,
    IdempotencyConflict,
    NewRequest,
    common_args,
    find_earlier,
    read_acceptance,
)
from jobs.lifecycle.moves import QueueFull
from jobs.lifecycle.options import RequestOptions
from jobs.pictures import inputs
from jobs.pictures.references import InvalidPictures, Reference, References
from jobs.pictures.store import PictureStore, new_token
from jobs.redis.script import Script
from jobs.submission import BatchCommand, InThread, is_certain_rejection
from jobs.webhooks.rules import webhook_fields
from telemetry import metrics

STAGE_MAX_REQUESTS = 50  # of one call
STAGE_MAX_BYTES = 256 * 1024  # of one call, which its last request may exceed

SubmittedRequest = tuple[Mapping[str, Any], RequestOptions]  # parameters, and the fields beside them
Resolved = tuple[dict[str, Any], list[str]]  # parameters with references, and paths of the stored inputs


class BatchDropped(Exception):
    """The batch was not complete within `OPEN_FOR_S`."""


class InvalidRequests(ValueError):
    """Requests have unusable pictures; `faults` are those of `InvalidPictures`, by index of the request."""

    def __init__(self, faults: Mapping[int, Mapping[str, str]]) -> None:
        super().__init__(f"{len(faults)} requests: {InvalidPictures(next(iter(faults.values())))}")
        self.faults = faults


class CreatedBatch(NamedTuple):
    """An accepted batch; `credits` is the remaining balance of its key, None: unlimited."""

    batch_id: str
    credits: int | None
    replayed: bool  # accepted before, with the same Idempotency-Key
    record: BatchRecord | None = None  # as accepted, by this host's clock; None: replayed


class Batches:
    """Opens batches; all methods raise `redis.RedisError`, `obstore.exceptions.BaseError`."""

    def __init__(self, redis: Redis, settings: Settings, store: PictureStore) -> None:
        self.settings = settings
        self.store = store
        self.references = References(redis, settings, store)
        self.progress = BatchProgress(redis, settings)
        self.stage = Script(redis, script("stage.lua"))
        self.accept = Script(redis, script("accept.lua"))
        self._check_limits = Script(redis, script("check.lua"))
        self._redis = redis

    async def open(self, command: BatchCommand, in_thread: InThread, total: int = 1) -> "OpenBatch":
        """Open a batch if `total` requests would be accepted now; else raise like `OpenBatch.commit`.

        Calls to Redis and the store run `in_thread`.
        """
        earlier = None
        if idempotency := command.idempotency(""):
            earlier = await in_thread(find_earlier, self._redis, idempotency, command.key_id, "batch")
        if not earlier:
            await in_thread(self._check_acceptable, command, total)
        return OpenBatch(self, command, in_thread, earlier)

    def _check_acceptable(self, command: BatchCommand, total: int) -> None:
        args = common_args(command.key_id, command.deadlines, self.settings) | {"total": total}
        if reply := self._check_limits(args=[json.dumps(args)]):
            read_acceptance("", reply, self.settings.credit_cost, total)


class OpenBatch:
    """A batch whose requests are arriving. If the block ends without `commit`, the batch is dropped."""

    def __init__(
        self, batches: Batches, command: BatchCommand, in_thread: InThread, earlier: Earlier | None
    ) -> None:
        self.batch_id = str(uuid4())
        self._batches = batches
        self._command = command
        self._in_thread = in_thread
        self._earlier = earlier  # if set, nothing is stored
        self._refusal: QueueFull | None = None  # if set, requests are only checked
        self._shared: dict[str, Reference] = {}
        self._stored: list[str] = []
        self._pending: list[str] = []  # arguments of the next staging call, three for each request
        self._pending_bytes = 0
        self._staged = 0
        self._events = 0
        self._is_accepted = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, _: object, error: BaseException | None, __: object) -> None:
        if self._is_accepted:
            return
        if not isinstance(error, Exception | None):  # the task was cancelled: a thread may be committing
            return
        if self._stored and (error is None or is_certain_rejection(error)):
            await self._in_thread(self._batches.store.discard, self._stored)
        if self._staged:
            with contextlib.suppress(RedisError):  # the reconciler drops the batch later
                await self._in_thread(self._batches.progress.drop, self.batch_id)

    async def share(self, params: Mapping[str, Any]) -> None:
        """Resolve the pictures of parameters that many requests share, and store inline ones once.

        Raises `InvalidPictures`.
        """
        pictures = inputs.pictures(params)
        stored = None if self._earlier else self._stored
        resolve = self._batches.references.resolve_pictures
        self._shared |= await self._in_thread(resolve, pictures, self._command.sender, stored)

    async def check(self, many: Sequence[Mapping[str, Any]]) -> None:
        """Check the pictures of requests without storing any. Raises `InvalidRequests`."""
        await self._with_references(many, store=False)

    async def add(self, requests: Sequence[SubmittedRequest]) -> None:
        """Stage requests whose parameters have been validated; their pictures are looked up together.

        Once the queue has no capacity for the requests so far, further ones are only checked. Raises
        `InvalidRequests`, then none of these is staged; `BatchDropped`, `IllegalMove` (revoked).
        """
        if self._earlier or self._refusal:
            await self.check([params for params, _ in requests])
            return
        command = self._command
        resolved = await self._with_references([params for params, _ in requests], store=True)
        for (params, options), (references, stored) in zip(requests, resolved, strict=True):
            webhook, has_base64 = (options.webhook_url, options.webhook_events), bool(params.get("base64"))
            request = NewRequest(
                str(uuid4()),
                command.key_id,
                references,
                options=options,
                inputs=stored,
                webhook=webhook_fields(*webhook, command.key_id, command.origin, has_base64),
            )
            self._events += request.webhook is not None
            words = [request.request_id, json.dumps(request.own_args), json.dumps(references)]
            self._pending += words
            self._pending_bytes += sum(map(len, words))
            if len(self._pending) == 3 * STAGE_MAX_REQUESTS or self._pending_bytes > STAGE_MAX_BYTES:
                await self._stage()

    async def commit(self, fingerprint: str = "") -> CreatedBatch:
        """Accept all requests, or return the batch accepted before with the same Idempotency-Key.

        `fingerprint` is that of the body. All requests are queued when this returns; if this process dies,
        the reconciler queues them. Raises `NotEnoughCredits`, `QueueFull`, `IdempotencyConflict`,
        `BatchDropped`, `IllegalMove` (revoked).
        """
        await self._stage()
        if self._refusal:
            raise self._refusal
        created: CreatedBatch = await self._in_thread(self._commit, fingerprint)
        return created

    def _commit(self, fingerprint: str) -> CreatedBatch:
        command, settings = self._command, self._batches.settings
        idempotency = command.idempotency(fingerprint)
        if self._earlier:
            if idempotency is None or idempotency.fingerprint != self._earlier.fingerprint:
                raise IdempotencyConflict
            return self._enqueue(CreatedBatch(self._earlier.id, self._earlier.credits, replayed=True))
        args = common_args(command.key_id, command.deadlines, settings, command.traceparent, idempotency)
        args |= {"total": self._staged, "archive": new_token(), "events": self._events}
        if webhook := command.webhook:
            args |= {"webhook": webhook, "events": self._events + 1}
        reply = self._batches.accept(args=[self.batch_id, json.dumps(args)])
        if reply == [b"missing"]:
            raise BatchDropped
        created = CreatedBatch(*read_acceptance(self.batch_id, reply, settings.credit_cost, self._staged))
        self._is_accepted = not created.replayed
        if self._is_accepted:
            metrics.count_batch()
            record = BatchRecord.accepted(self.batch_id, command.key_id, self._staged, args["archive"])
            created = created._replace(record=record)
        return self._enqueue(created)

    def _enqueue(self, created: CreatedBatch) -> CreatedBatch:
        with contextlib.suppress(RedisError):  # the batch is accepted: the reconciler continues
            self._batches.progress.enqueue(created.batch_id)
        return created

    async def _with_references(self, many: Sequence[Mapping[str, Any]], store: bool) -> list[Resolved]:
        """Use a thread only when a picture has to be looked up or stored, which most requests do not need."""
        pictures = [inputs.pictures(params) for params in many]
        unknown = {text for each in pictures for text in each.values()} - self._shared.keys()
        if all(map(inputs.is_external, unknown)):
            return self._resolve(many, pictures, unknown, store)
        resolved: list[Resolved] = await self._in_thread(self._resolve, many, pictures, unknown, store)
        return resolved

    def _resolve(
        self,
        many: Sequence[Mapping[str, Any]],
        pictures: Sequence[Mapping[str, str]],
        unknown: Iterable[str],
        store: bool,
    ) -> list[Resolved]:
        references, sender = self._batches.references, self._command.sender
        known = self._shared | references.resolve_urls(filter(inputs.is_url, unknown), sender)
        resolved, faults = list[Resolved](), {}
        for index, (params, each) in enumerate(zip(many, pictures, strict=True)):
            stored = list[str]()
            try:
                found = references.resolve(params, each, sender, stored if store else None, known)
                resolved.append((found, stored))
            except InvalidPictures as error:
                faults[index] = error.faults
            finally:
                self._stored += stored
        if faults:
            raise InvalidRequests(faults)
        return resolved

    async def _stage(self) -> None:
        if not self._pending:
            return
        words, self._pending, self._pending_bytes = self._pending, [], 0
        if self._refusal:
            return
        try:
            await self._in_thread(self._send, words)
        except QueueFull as refusal:
            self._refusal = refusal

    def _send(self, words: list[str]) -> None:
        is_first = self._staged == 0
        self._staged += len(words) // 3
        command = self._command
        settings = self._batches.settings
        args = common_args(command.key_id, command.deadlines, settings, command.traceparent)
        args |= {"total": self._staged, "events": self._events}
        args["cost"] = 0  # credits are checked once, for the whole batch
        reply = self._batches.stage(args=[self.batch_id, int(is_first), json.dumps(args), *words])
        if reply == [b"missing"]:
            raise BatchDropped
        if reply:
            read_acceptance(self.batch_id, reply, cost=0)
