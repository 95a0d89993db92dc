"""The components that routes use, opened once per process."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar, TypeVarTuple

from anyio import CapacityLimiter, to_thread
from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from obstore.exceptions import BaseError, GenericError
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from api.errors import ApiError, ErrorCode
from api.health import Health
from api.http.body import BodyMemory
from api.waiting.changes import Changes
from compositor import Limits
from jobs.batches.opening import Batches
from jobs.batches.progress import BatchProgress
from jobs.batches.reading import BatchReader
from jobs.cancellation import Cancellation
from jobs.config.settings import Settings
from jobs.deletion import Deletion
from jobs.keys.api_keys import ApiKeys
from jobs.pictures.store import API_TIMEOUT_S, PictureStore
from jobs.pictures.uploads import Uploads
from jobs.queries.listing import Listing
from jobs.queries.reading import Reader
from jobs.redis.connection import connect, connect_async, connect_async_changes
from jobs.resubmission import Resubmission
from jobs.submission import Submission
from jobs.webhooks.deliveries import Deliveries
from jobs.webhooks.secrets import KeySecrets
from telemetry.traces import open_traces

STORE_THREADS = 40
HOST = re.compile(r"([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?", re.IGNORECASE | re.ASCII)
MAX_HOST_LENGTH = 255 + len(":65535")  # RFC 1035, section 2.3.4
STRONG_LENGTH = 20  # characters
WEAK_KEY = "SUPERIMPOSE_DEV_API_KEY can be guessed: use `superimpose keys create` on a public server"

T = TypeVar("T")
Args = TypeVarTuple("Args")

log = logging.getLogger("superimpose.api")


class StoreThreads:
    """Threads for the store: one that hangs must not take the threads of all other calls."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(STORE_THREADS)
        self._failed = False

    async def run(self, call: Callable[[*Args], T], *args: *Args) -> T:
        """The result of `call`, once a thread is free.

        Raises `obstore.exceptions.GenericError` if it waited for a thread and the last call failed: waiting
        for the store's timeout as well would take too long.
        """
        has_to_wait = self._free.locked()
        async with self._free:
            if has_to_wait and self._failed:
                raise GenericError(f"the store fails, and {STORE_THREADS} calls wait for it")
            try:
                result = await to_thread.run_sync(call, *args, limiter=CapacityLimiter(1))
            except BaseError:
                self._failed = True
                raise
            self._failed = False
            return result


class Service:
    def __init__(self, settings: Settings, redis: Redis, reads: AsyncRedis, writes: AsyncRedis) -> None:
        store = PictureStore.open(settings, API_TIMEOUT_S)
        self.settings = settings
        self.redis = redis
        self.store = store
        self.store_threads = StoreThreads()
        self.health = Health(redis, store)
        self.reader = Reader(reads, settings)
        self.changes = Changes(reads)
        self.submission = Submission(redis, writes, settings, store)
        self.cancellation = Cancellation(redis, settings)
        self.resubmission = Resubmission(redis, settings, store)
        self.batches = Batches(redis, settings, store)
        self.batch_reader = BatchReader(reads)
        self.batch_progress = BatchProgress(redis, settings)
        self.deletion = Deletion(redis, store)
        self.listing = Listing(redis)
        self.uploads = Uploads(redis, settings, store)
        self.api_keys = ApiKeys(redis, settings.cell)
        self.webhook_secrets = KeySecrets(redis, settings)
        self.deliveries = Deliveries(redis)
        self.picture_limits = Limits(**settings.picture_limits)
        self.body_memory = BodyMemory(settings.max_body_bytes)
        self.traces = open_traces("api")

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: Settings) -> AsyncIterator["Service"]:
        redis = connect(settings)
        async with connect_async(settings) as reads, connect_async_changes(settings) as writes:
            service = cls(settings, redis, reads, writes)
            if settings.dev_api_key:
                service._enable_dev_key(settings.dev_api_key)
            yield service
            await run_in_threadpool(service.traces.close)
        redis.close()

    def _enable_dev_key(self, text: str) -> None:
        if len(text) < STRONG_LENGTH:
            log.warning(WEAK_KEY)
        if not self.api_keys.make_valid("dev", text):
            log.warning("SUPERIMPOSE_DEV_API_KEY was revoked and stays invalid: set another one")


def service_of(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


def origin_of(request: Request) -> str:
    """The configured public URL, or the scheme and host of the request."""
    return service_of(request).settings.public_url or origin_by_host(request)


def origin_by_host(request: Request) -> str:
    """Scheme and host as the client sent them. Raises 400 for an invalid Host header."""
    host = request.headers.get("host")
    if host is None:
        return str(request.base_url).rstrip("/")
    if len(host) > MAX_HOST_LENGTH or not HOST.fullmatch(host):
        text = "the Host header must be a name or an address, with or without a port"
        raise ApiError(ErrorCode.INVALID_HOST, text)
    return f"{request.scope['scheme']}://{host}"
