"""Accepting a request: its inline inputs to the store, then record and job in one step."""

import contextlib
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
from redis.utils import str_if_bytes

from jobs import keyspace
from jobs.config.settings import Settings
from jobs.lifecycle.creation import NewRequest, create_script
from jobs.lifecycle.deadlines import Deadlines
from jobs.lifecycle.idempotency import Idempotency, IdempotencyConflict
from jobs.lifecycle.moves import Created
from jobs.lifecycle.options import RequestOptions
from jobs.pictures import inputs
from jobs.pictures.references import References, Sender
from jobs.pictures.store import PictureStore
from jobs.redis.script import AsyncScript
from jobs.webhooks.rules import kept_webhook
from telemetry import metrics

InThread = Callable[..., Awaitable[Any]]  # calls what it is given in a thread


@dataclass(frozen=True)
class SubmitCommand:
    """What a client asks for: parameters that have been checked, how long it may take, and whether once only.

    `origin` is the URL our own pictures are served under; `idempotency_key` None: each submit is a request;
    `timeouts`: what of the deadlines the client said itself, for a default may change until it submits again;
    `traceparent`: the trace that it belongs to; `options`: what the body said beside the parameters.
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
        """What the client sent as pictures, by their paths."""
        return inputs.pictures(self.params)

    @property
    def sender(self) -> Sender:
        return Sender(self.key_id, self.origin, self.deadlines.longest_s)

    @property
    def is_inline(self) -> bool:
        """Whether a picture came within the request, and is put in the store."""
        return not all(inputs.is_url(picture) for picture in self.pictures.values())

    @property
    def is_ready(self) -> bool:
        """Whether nothing has to be looked up or stored before the request is created."""
        are_elsewhere = all(inputs.is_elsewhere(picture) for picture in self.pictures.values())
        return are_elsewhere and self.idempotency_key is None

    @property
    def webhook(self) -> dict[str, Any] | None:
        """Where the request's event goes, as its record says it."""
        url, events = self.options.webhook_url, self.options.webhook_events
        return kept_webhook(url, events, self.key_id, self.origin, bool(self.params.get("base64")))

    @property
    def idempotency(self) -> Idempotency | None:
        if self.idempotency_key is None:
            return None
        options = [self.options.given] if self.options.given else []  # former versions had none
        return Idempotency.of(self.idempotency_key, self.key_id, self.params, self.timeouts, *options)


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
        """Accept a request, or find the one that was made with the same Idempotency-Key.

        What is ready is created without a thread, which costs more processor time than the call to Redis.

        Raises `InvalidPictures`, `NotEnoughCredits`, `QueueFull`, `IdempotencyConflict`, `IllegalMove`
        (revoked); `redis.RedisError` or `obstore.exceptions.BaseError` if the queue or the store cannot be
        reached. Then nothing was accepted, unless Redis did it and its answer was lost.
        """
        kept = list[str]()
        try:
            if command.is_ready:
                prepared = self._prepare(command, kept)
            else:
                prepared = await in_thread(self._prepare, command, kept)
            if isinstance(prepared, Created):
                return prepared
            asked_at = perf_counter()
            answer = await self._create(args=prepared.args(self._settings))
            metrics.observe_redis(perf_counter() - asked_at)
            created = prepared.created(self._settings, answer)
        except Exception as error:
            if is_refusal(error):
                await self._discard(kept, in_thread)
            raise
        if created.replayed:
            await self._discard(kept, in_thread)
        return created

    def _prepare(self, command: SubmitCommand, kept: list[str]) -> NewRequest | Created:
        """What is to be created, its inputs stored at paths that are added to `kept`, or what was before."""
        idempotency = command.idempotency
        made_before = idempotency and self._made_before(idempotency, command.key_id)
        if made_before:
            return made_before
        params = self._references.of(command.params, command.pictures, command.sender, kept)
        return NewRequest(
            str(uuid4()),
            command.key_id,
            params,
            command.deadlines,
            idempotency,
            command.traceparent,
            command.options,
            tuple(kept),
            command.webhook,
        )

    async def _discard(self, kept: list[str], in_thread: InThread) -> None:
        if kept:
            with contextlib.suppress(StoreError):
                await in_thread(self._store.discard, kept)

    def _made_before(self, idempotency: Idempotency, key_id: str) -> Created | None:
        """Search before inputs are stored; a submit that is overtaken after this finds out in `create`."""
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.hmget(idempotency.redis_key, "request_id", "fingerprint")
            pipe.hget(keyspace.api_key(key_id), "credits")
            (request_id, fingerprint), credits = pipe.execute()
        if request_id is None or not self._redis.exists(keyspace.request(str_if_bytes(request_id))):
            return None
        if str_if_bytes(fingerprint) != idempotency.fingerprint:
            raise IdempotencyConflict
        return Created(str_if_bytes(request_id), None if credits is None else int(credits), replayed=True)


def is_refusal(error: Exception) -> bool:
    """Whether nothing was accepted for sure, and what was stored can be deleted at once.

    Redis may have accepted it where its answer was lost; a store that fails would only be waited for again.
    """
    return not isinstance(error, RedisError | StoreError) or isinstance(error, OutOfMemoryError)
