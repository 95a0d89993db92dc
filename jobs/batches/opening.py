"""Accepting batches: requests are kept as they arrive, and all of them are accepted in one step."""

import contextlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Self
from uuid import uuid4

from redis import Redis, RedisError

from jobs import keyspace
from jobs.batches.command import BatchCommand
from jobs.batches.progress import BatchProgress
from jobs.batches.record import BatchRecord
from jobs.batches.scripts import script
from jobs.config.settings import Settings
from jobs.lifecycle.creation import NewRequest, asked, read_acceptance
from jobs.lifecycle.idempotency import IdempotencyConflict
from jobs.lifecycle.moves import QueueFull
from jobs.lifecycle.options import RequestOptions
from jobs.pictures import inputs
from jobs.pictures.references import InvalidPictures, Reference, References
from jobs.pictures.store import PictureStore, new_token
from jobs.redis.script import Script
from jobs.submission import InThread, is_refusal
from jobs.webhooks.rules import kept_webhook
from telemetry import metrics

MOST_REQUESTS = 5000

STAGED_AT_A_TIME = 50  # requests
STAGED_BYTES = 256 * 1024  # of parameters, beyond which a call has fewer requests

Sent = tuple[Mapping[str, Any], RequestOptions]  # a request: its parameters, and what it says beside them
Found = tuple[dict[str, Any], list[str]]  # parameters with references, and paths of what was stored for them


class BatchDropped(Exception):
    """It was not whole within `OPEN_FOR_S`."""


class InvalidRequests(ValueError):
    """Pictures of requests cannot be used; `faults`: as of `InvalidPictures`, by place in what was given."""

    def __init__(self, faults: Mapping[int, Mapping[str, str]]) -> None:
        super().__init__(f"{len(faults)} requests: {InvalidPictures(next(iter(faults.values())))}")
        self.faults = faults


class CreatedBatch(NamedTuple):
    """A batch that was accepted; `credits` is what its key has left, None: unlimited."""

    batch_id: str
    credits: int | None
    replayed: bool  # it was accepted before, with the same Idempotency-Key
    record: BatchRecord | None = None  # as accepted, by this host's clock; None: replayed


class Earlier(NamedTuple):
    """A batch that was accepted with the same Idempotency-Key, and what its key has left."""

    batch_id: str
    fingerprint: str
    credits: int | None


class Batches:
    """Where batches are accepted; all methods raise `redis.RedisError`, `obstore.exceptions.BaseError`."""

    def __init__(self, redis: Redis, settings: Settings, store: PictureStore) -> None:
        self.settings = settings
        self.store = store
        self.references = References(redis, settings, store)
        self.progress = BatchProgress(redis, settings)
        self.stage = Script(redis, script("stage.lua"))
        self.accept = Script(redis, script("accept.lua"))
        self._room = Script(redis, script("room.lua"))
        self._redis: Any = redis  # typed as if it might be asynchronous

    async def open(self, command: BatchCommand, in_thread: InThread, total: int = 1) -> "OpenBatch":
        """Begin one, where `total` requests would be accepted: raises as `OpenBatch.commit` where not.

        `in_thread` is where Redis and the store are waited for.
        """
        earlier = await in_thread(self._made_before, command)
        if not earlier:
            await in_thread(self._check_room, command, total)
        return OpenBatch(self, command, in_thread, earlier)

    def _made_before(self, command: BatchCommand) -> Earlier | None:
        idempotency = command.idempotency("")
        if idempotency is None:
            return None
        batch_id, fingerprint = self._redis.hmget(idempotency.redis_key, "batch_id", "fingerprint")
        if batch_id is None or not self._redis.exists(keyspace.batch(batch_id.decode())):
            return None
        credits = self._redis.hget(keyspace.api_key(command.key_id), "credits")
        return Earlier(batch_id.decode(), fingerprint.decode(), None if credits is None else int(credits))

    def _check_room(self, command: BatchCommand, total: int) -> None:
        args = asked(command.key_id, command.deadlines, self.settings) | {"total": total}
        if answer := self._room(args=[json.dumps(args)]):
            read_acceptance("", answer, self.settings.credit_cost, total)


class OpenBatch:
    """A batch whose requests arrive. Left without `commit`, nothing of it remains."""

    def __init__(
        self, of: Batches, command: BatchCommand, in_thread: InThread, earlier: Earlier | None
    ) -> None:
        self.batch_id = str(uuid4())
        self._of = of
        self._command = command
        self._in_thread = in_thread
        self._earlier = earlier  # then nothing is kept
        self._refused: QueueFull | None = None  # nothing more, though its requests are checked to the end
        self._known: dict[str, Reference] = {}
        self._kept: list[str] = []
        self._waiting: list[str] = []  # words of the next call: three for each request
        self._waiting_bytes = 0
        self._staged = 0
        self._events = 0
        self._is_accepted = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, _: object, error: BaseException | None, __: object) -> None:
        if self._is_accepted:
            return
        if not isinstance(error, Exception | None):  # its task was cancelled: a thread may be accepting it
            return
        if self._kept and (error is None or is_refusal(error)):
            await self._in_thread(self._of.store.discard, self._kept)
        if self._staged:
            with contextlib.suppress(RedisError):  # the reconciler drops it later
                await self._in_thread(self._of.progress.drop, self.batch_id)

    async def share(self, params: Mapping[str, Any]) -> None:
        """Look at the pictures of parameters that many requests have: what is inline is stored once.

        Raises `InvalidPictures`.
        """
        pictures = inputs.pictures(params)
        kept = None if self._earlier else self._kept
        find = self._of.references.find
        self._known |= await self._in_thread(find, pictures, self._command.sender, kept)

    async def check(self, many: Sequence[Mapping[str, Any]]) -> None:
        """Look at the pictures of requests and keep nothing. Raises `InvalidRequests`."""
        await self._with_references(many, keeps=False)

    async def add(self, sent: Sequence[Sent]) -> None:
        """Keep requests, whose parameters have been checked: some at a time, as their pictures are looked up
        together.

        Once there is no room for those so far, no more are kept. Raises `InvalidRequests`, then none of these
        is kept; `BatchDropped`, `IllegalMove` (revoked).
        """
        if self._earlier or self._refused:
            await self.check([params for params, _ in sent])
            return
        command = self._command
        found = await self._with_references([params for params, _ in sent], keeps=True)
        for (params, options), (references, stored) in zip(sent, found, strict=True):
            webhook, has_base64 = (options.webhook_url, options.webhook_events), bool(params.get("base64"))
            request = NewRequest(
                str(uuid4()),
                command.key_id,
                references,
                options=options,
                inputs=stored,
                webhook=kept_webhook(*webhook, command.key_id, command.origin, has_base64),
            )
            self._events += request.webhook is not None
            words = [request.request_id, json.dumps(request.said), json.dumps(references)]
            self._waiting += words
            self._waiting_bytes += sum(map(len, words))
            if len(self._waiting) == 3 * STAGED_AT_A_TIME or self._waiting_bytes > STAGED_BYTES:
                await self._stage()

    async def commit(self, fingerprint: str = "") -> CreatedBatch:
        """Accept all of them, or find the batch that was accepted with the same Idempotency-Key.

        `fingerprint` is that of the body. All have entered the queue when this returns; where it does not,
        because this process dies, the reconciler has them enter.

        Raises `NotEnoughCredits`, `QueueFull`, `IdempotencyConflict`, `BatchDropped`, `IllegalMove`
        (revoked).
        """
        await self._stage()
        if self._refused:
            raise self._refused
        created: CreatedBatch = await self._in_thread(self._commit, fingerprint)
        return created

    def _commit(self, fingerprint: str) -> CreatedBatch:
        command, settings = self._command, self._of.settings
        idempotency = command.idempotency(fingerprint)
        if self._earlier:
            if idempotency is None or idempotency.fingerprint != self._earlier.fingerprint:
                raise IdempotencyConflict
            return self._entered(CreatedBatch(self._earlier.batch_id, self._earlier.credits, replayed=True))
        args = asked(command.key_id, command.deadlines, settings)
        args |= {"total": self._staged, "archive": new_token(), "events": self._events}
        if webhook := command.webhook:
            args |= {"webhook": webhook, "events": self._events + 1}
        if command.traceparent:
            args["traceparent"] = command.traceparent
        if idempotency:
            args |= {"idempotency": idempotency.redis_key, "fingerprint": idempotency.fingerprint}
        answer = self._of.accept(args=[self.batch_id, json.dumps(args)])
        if answer == [b"missing"]:
            raise BatchDropped
        created = CreatedBatch(*read_acceptance(self.batch_id, answer, settings.credit_cost, self._staged))
        self._is_accepted = not created.replayed
        if self._is_accepted:
            metrics.count_batch()
            record = BatchRecord.accepted(self.batch_id, command.key_id, self._staged, args["archive"])
            created = created._replace(record=record)
        return self._entered(created)

    def _entered(self, created: CreatedBatch) -> CreatedBatch:
        with contextlib.suppress(RedisError):  # it is accepted: the reconciler goes on
            self._of.progress.enter(created.batch_id)
        return created

    async def _with_references(self, many: Sequence[Mapping[str, Any]], keeps: bool) -> list[Found]:
        """In a thread only where something has to be found or stored, which most requests do not need."""
        pictures = [inputs.pictures(params) for params in many]
        unknown = {text for each in pictures for text in each.values()} - self._known.keys()
        if all(map(inputs.is_elsewhere, unknown)):
            return self._find(many, pictures, unknown, keeps)
        found: list[Found] = await self._in_thread(self._find, many, pictures, unknown, keeps)
        return found

    def _find(
        self,
        many: Sequence[Mapping[str, Any]],
        pictures: Sequence[Mapping[str, str]],
        unknown: Iterable[str],
        keeps: bool,
    ) -> list[Found]:
        of, sender = self._of.references, self._command.sender
        known = self._known | of.usable(filter(inputs.is_url, unknown), sender)
        found, faults = list[Found](), {}
        for place, (params, each) in enumerate(zip(many, pictures, strict=True)):
            stored = list[str]()
            try:
                found.append((of.of(params, each, sender, stored if keeps else None, known), stored))
            except InvalidPictures as error:
                faults[place] = error.faults
            finally:
                self._kept += stored
        if faults:
            raise InvalidRequests(faults)
        return found

    async def _stage(self) -> None:
        if not self._waiting:
            return
        words, self._waiting, self._waiting_bytes = self._waiting, [], 0
        if self._refused:
            return
        try:
            await self._in_thread(self._keep, words)
        except QueueFull as refused:
            self._refused = refused

    def _keep(self, words: list[str]) -> None:
        is_first = self._staged == 0
        self._staged += len(words) // 3
        command = self._command
        args = asked(command.key_id, command.deadlines, self._of.settings)
        args |= {"total": self._staged, "events": self._events}
        args["cost"] = 0  # for credits all of them are asked at once
        if command.traceparent:
            args["traceparent"] = command.traceparent
        answer = self._of.stage(args=[self.batch_id, int(is_first), json.dumps(args), *words])
        if answer == [b"missing"]:
            raise BatchDropped
        if answer:
            read_acceptance(self.batch_id, answer, cost=0)
