"""Accepts a request: stores its inline inputs, then creates record and job in one step.

Also the commands, which hold what a client submitted: a request or a batch.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from time import perf_counter
from typing import Any
from uuid import uuid4

from obstore.exceptions import BaseError as StoreError
from redis import Redis, RedisError
from redis.asyncio import Redis as AsyncRedis
from redis.exceptions import OutOfMemoryError

from jobs.batches.progress import OPEN_FOR_S
from jobs.config.settings import Settings
from jobs.lifecycle.creation import (
    Deadlines,
    Idempotency,
    IdempotencyConflict,
    NewRequest,
    create_script,
    find_earlier,
)
from jobs.lifecycle.moves import Created
from jobs.lifecycle.options import RequestOptions
from jobs.pictures import inputs
from jobs.pictures.references import References, Sender
from jobs.pictures.store import PictureStore
from jobs.redis.script import AsyncScript
from jobs.webhooks.rules import webhook_fields
from telemetry import metrics

InThread = Callable[..., Awaitable[Any]]  # runs a function in a thread


@dataclass(frozen=True)
class SubmitCommand:
    """A validated submit.

    `origin` is the URL under which our own pictures are served. `timeouts` are the deadlines that the client
    set itself: part of the fingerprint, unlike defaults, which may change before the submit is repeated.
    `options` are the fields of the body beside the parameters.
    """

    key_id: str
    params: Mapping[str, Any]
    origin: str
    deadlines: Deadlines
    idempotency_key: str | None = None
    timeouts: Mapping[str, int] = field(default_factory=dict)
    traceparent: str | None = None
    options: RequestOptions = field(default_factory=RequestOptions)

    @cached_property
    def pictures(self) -> Mapping[str, str]:
        return inputs.pictures(self.params)

    @property
    def sender(self) -> Sender:
        return Sender(self.key_id, self.origin, self.deadlines.longest_s)

    @property
    def is_inline(self) -> bool:
        """Whether the body contains a picture, which then goes to the store."""
        return not all(inputs.is_url(picture) for picture in self.pictures.values())

    @property
    def is_ready(self) -> bool:
        """Whether nothing has to be looked up or stored before the request is created."""
        are_external = all(inputs.is_external(picture) for picture in self.pictures.values())
        return are_external and self.idempotency_key is None

    @property
    def webhook(self) -> dict[str, Any] | None:
        url, events = self.options.webhook_url, self.options.webhook_events
        return webhook_fields(url, events, self.key_id, self.origin, bool(self.params.get("base64")))

    @property
    def idempotency(self) -> Idempotency | None:
        if self.idempotency_key is None:
            return None
        options = [self.options.given] if self.options.given else []  # older versions had no options
        return Idempotency.of(self.idempotency_key, self.key_id, self.params, self.timeouts, *options)


@dataclass(frozen=True)
class BatchCommand:
    """The parameters of a batch as a whole, as in `SubmitCommand`.

    `webhook_url` receives the event of the batch; its requests may have webhooks of their own.
    """

    key_id: str
    origin: str
    deadlines: Deadlines
    idempotency_key: str | None = None
    timeouts: Mapping[str, int] = field(default_factory=dict)
    traceparent: str | None = None
    webhook_url: str | None = None

    @property
    def sender(self) -> Sender:
        return Sender(self.key_id, self.origin, self.deadlines.longest_s + OPEN_FOR_S)

    @property
    def webhook(self) -> dict[str, Any] | None:
        return webhook_fields(self.webhook_url, None, self.key_id, self.origin)

    def idempotency(self, body_fingerprint: str) -> Idempotency | None:
        if self.idempotency_key is None:
            return None
        return Idempotency.of(self.idempotency_key, self.key_id, {"batch": body_fingerprint}, self.timeouts)


class Submission:
    def __init__(
        self, redis: Redis, async_redis: AsyncRedis, settings: Settings, store: PictureStore
    ) -> None:
        self._redis = redis
        self._settings = settings
        self._store = store
        self._references = References(redis, settings, store)
        self._create = AsyncScript(async_redis, create_script())

    async def submit(self, command: SubmitCommand, in_thread: InThread) -> Created:
        """Accept a request, or return the one created earlier with the same Idempotency-Key.

        A command that is ready needs no thread, which would take more processor time than the call to Redis.
        Raises `InvalidPictures`, `NotEnoughCredits`, `QueueFull`, `IdempotencyConflict`, `IllegalMove`
        (revoked); `redis.RedisError` or `obstore.exceptions.BaseError` if the queue or the store cannot be
        reached. Then nothing was accepted, unless only Redis's reply was lost.
        """
        stored = list[str]()
        try:
            if command.is_ready:
                prepared = self._prepare(command, stored)
            else:
                prepared = await in_thread(self._prepare, command, stored)
            if isinstance(prepared, Created):
                return prepared
            started_at = perf_counter()
            reply = await self._create(args=prepared.args(self._settings))
            metrics.observe_redis(perf_counter() - started_at)
            created = prepared.created(self._settings, reply)
        except Exception as error:
            if is_certain_rejection(error):
                await self._discard(stored, in_thread)
            raise
        if created.replayed:
            await self._discard(stored, in_thread)
        return created

    def _prepare(self, command: SubmitCommand, stored: list[str]) -> NewRequest | Created:
        """Store the inputs and add their paths to `stored`, or find a request created earlier."""
        idempotency = command.idempotency
        if idempotency and (earlier := find_earlier(self._redis, idempotency, command.key_id, "request")):
            if earlier.fingerprint != idempotency.fingerprint:
                raise IdempotencyConflict
            return Created(earlier.id, earlier.credits, replayed=True)
        params = self._references.resolve(command.params, command.pictures, command.sender, stored)
        return NewRequest(
            str(uuid4()),
            command.key_id,
            params,
            command.deadlines,
            idempotency,
            command.traceparent,
            command.options,
            tuple(stored),
            command.webhook,
        )

    async def _discard(self, stored: list[str], in_thread: InThread) -> None:
        if stored:
            await in_thread(self._store.discard, stored)


def is_certain_rejection(error: Exception) -> bool:
    """Whether certainly nothing was accepted, so that stored inputs can be deleted at once.

    After another Redis error the request may have been accepted; a failing store would fail again.
    """
    return not isinstance(error, RedisError | StoreError) or isinstance(error, OutOfMemoryError)
