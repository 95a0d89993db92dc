"""What most tests of `jobs` use, on the empty database."""

import pytest
from redis import Redis

from jobs.batches.progress import BatchProgress
from jobs.config.settings import Settings
from jobs.keys.api_keys import ApiKeys
from jobs.lifecycle.transitions import Transitions
from jobs.pictures.store import PictureStore


@pytest.fixture
def transitions(redis: Redis, settings: Settings) -> Transitions:
    return Transitions(redis, settings)


@pytest.fixture
def progress(redis: Redis, settings: Settings) -> BatchProgress:
    return BatchProgress(redis, settings)


@pytest.fixture
def keys(redis: Redis) -> ApiKeys:
    return ApiKeys(redis)


@pytest.fixture
def store(settings: Settings) -> PictureStore:
    return PictureStore.open(settings)
