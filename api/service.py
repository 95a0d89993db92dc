"""What the routes work with, opened once per process."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from redis import Redis

from api.health import Health
from api.http.addresses import origin_by_host
from api.http.body import BodyRoom
from api.store_threads import StoreThreads
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
from telemetry.traces import Traces, open_traces

STRONG_LENGTH = 20  # characters
WEAK_KEY = "SUPERIMPOSE_DEV_API_KEY can be guessed: use `superimpose keys create` in the open"

log = logging.getLogger("superimpose.api")


@dataclass(frozen=True)
class Service:
    settings: Settings
    redis: Redis
    store: PictureStore
    store_threads: StoreThreads
    health: Health
    reader: Reader
    changes: Changes
    submission: Submission
    cancellation: Cancellation
    resubmission: Resubmission
    batches: Batches
    batch_reader: BatchReader
    batch_progress: BatchProgress
    deletion: Deletion
    listing: Listing
    uploads: Uploads
    api_keys: ApiKeys
    webhook_secrets: KeySecrets
    deliveries: Deliveries
    picture_limits: Limits
    body_room: BodyRoom
    traces: Traces

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: Settings) -> AsyncIterator["Service"]:
        store = PictureStore.open(settings, API_TIMEOUT_S)
        redis = connect(settings)
        async with connect_async(settings) as reads, connect_async_changes(settings) as changes:
            api_keys = ApiKeys(redis, settings.cell)
            if settings.dev_api_key:
                if len(settings.dev_api_key) < STRONG_LENGTH:
                    log.warning(WEAK_KEY)
                if not api_keys.make_valid("dev", settings.dev_api_key):
                    log.warning("SUPERIMPOSE_DEV_API_KEY was revoked and stays invalid: set another one")
            traces = open_traces("api")
            yield cls(
                settings,
                redis,
                store,
                StoreThreads(),
                Health(redis, store),
                Reader(reads, settings),
                Changes(reads),
                Submission(redis, changes, settings, store),
                Cancellation(redis, settings),
                Resubmission(redis, settings, store),
                Batches(redis, settings, store),
                BatchReader(reads),
                BatchProgress(redis, settings),
                Deletion(redis, store),
                Listing(redis),
                Uploads(redis, settings, store),
                api_keys,
                KeySecrets(redis, settings),
                Deliveries(redis),
                Limits(**settings.picture_limits),
                BodyRoom(settings.max_body_bytes),
                traces,
            )
            await run_in_threadpool(traces.close)
        redis.close()


def service_of(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


def origin_of(request: Request) -> str:
    """The URL this service is reached under: configured, or as the client wrote it."""
    return service_of(request).settings.public_url or origin_by_host(request)
