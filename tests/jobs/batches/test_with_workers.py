"""A batch and real workers, one of which is killed: every request ends and is counted."""

from collections import Counter

import pytest
from redis import Redis

from jobs.batches.progress import BatchProgress
from jobs.config.settings import Settings
from jobs.keys.api_key import KeyOptions
from jobs.keys.api_keys import ApiKeys
from jobs.lifecycle.options import RequestOptions
from jobs.lifecycle.record import View
from jobs.lifecycle.status import FailureCode, Status
from tests.asking import SAMPLES
from tests.jobs.batches.conftest import Desk, requests
from tests.redis.sentinels import until
from tests.stack import empty_database, environment, running

MANY = 150
PATIENCE_S = 150
WITHOUT_PICTURE = {"base_image": "https://127.0.0.1/gone.jpg", "overlay_image": SAMPLES["overlay_image"]}


@pytest.fixture(scope="module")
def stack(redis_socket, tmp_path_factory):
    url, folder = empty_database(redis_socket, 1), tmp_path_factory.mktemp("stack")
    with running(environment(url, folder, lease_s=3, fetch_allow="127.0.0.1/32"), workers=2) as stack:
        yield stack


@pytest.fixture
def desk(stack, redis_socket):
    data_dir = stack.env["SUPERIMPOSE_DATA_DIR"]
    settings = Settings(redis_url=f"unix://{redis_socket}?db=1", data_dir=data_dir)
    with Redis.from_url(settings.effective_redis_url) as redis:
        key_id = ApiKeys(redis).create("rich", KeyOptions(credits=MANY + 1))[0].key_id
        yield Desk(redis, settings, key_id)


def test_a_cancelled_batch_ends_with_its_running_requests(stack, desk):
    batch_id = desk.accept(requests(MANY)).batch_id
    until(lambda: desk.batch(batch_id).completed > 0, "a COMPLETED request")

    BatchProgress(desk.redis, desk.settings).cancel(batch_id)
    until(lambda: desk.batch(batch_id).has_ended, "the end of the batch", PATIENCE_S)

    batch = desk.batch(batch_id)
    records = desk.read("records", desk.read("members", batch_id, 0, 500), View.STATUS)
    codes = Counter(record.code for record in records)
    assert codes == {None: batch.completed, FailureCode.CANCELLED: batch.failed}
    assert 0 < batch.completed < MANY
    key = ApiKeys(desk.redis).get(desk.key_id)
    assert (key.held, key.spent) == (0, batch.completed)


def test_all_requests_of_a_batch_end_although_a_worker_is_killed(stack, desk):
    sent = [*requests(MANY), (WITHOUT_PICTURE, RequestOptions(custom_id="gone"))]
    batch_id = desk.accept(sent).batch_id
    until(lambda: desk.batch(batch_id).completed > 5, "some COMPLETED requests")

    stack.processes[-1].kill()
    until(lambda: desk.batch(batch_id).has_ended, "the end of the batch", PATIENCE_S)

    batch, members = desk.batch(batch_id), desk.read("members", batch_id, 0, 500)
    records = desk.read("records", members, View.RESULT)
    by_status = Counter(record.status for record in records)
    assert by_status == {Status.COMPLETED: batch.completed, Status.FAILED: batch.failed}
    assert (batch.completed, batch.failed) == (MANY, 1)
    assert records[-1].code == FailureCode.FETCH_FAILED
    key = ApiKeys(desk.redis).get(desk.key_id)
    assert (key.credits, key.held, key.spent) == (1, 0, MANY)
    assert all(desk.store.get(record.output.path) for record in records[:-1])
