"""Accepting requests: what is written to Redis and the store, and what remains after an error."""

import base64
import json
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from jobs import keyspace
from jobs.config.settings import Settings
from jobs.keys.api_keys import ApiKeys
from jobs.lifecycle.creation import IdempotencyConflict
from jobs.lifecycle.moves import CANCELLED, IllegalMove, NotEnoughCredits, QueueFull
from jobs.lifecycle.output import Output
from jobs.lifecycle.transitions import Transitions
from jobs.pictures.inputs import SAMPLE, STORE, sample_bytes
from jobs.pictures.references import InvalidPictures
from jobs.queue.rq import RQ_TTL_S, TASK
from jobs.resubmission import Resubmission
from tests.asking import accept, asked, claim_request, queued, rq_queue

ORIGIN = "http://pictures.example"
LOGO = sample_bytes("logo.png") or b""
URL = "https://shop.example/shirt.jpg"


@pytest.fixture
def submit(redis, settings, store, key_id):
    def submit(**params):
        return accept(settings, asked(settings, key_id, params, origin=ORIGIN), store).request_id

    return submit


def test_record_and_job_appear_together(redis, settings, key_id, submit):
    request_id = submit(base_image=URL, overlay_image=URL, opacity=0.5)

    record = Transitions(redis, settings).read(request_id)
    job = rq_queue(redis, key_id).fetch_job(request_id)
    assert record is not None
    assert record.params == {"base_image": URL, "overlay_image": URL, "opacity": 0.5}
    assert job is not None
    assert (job.func_name, list(job.args), job.description) == (TASK, [], "superimpose")
    assert job.timeout == settings.job_timeout_s
    assert job.result_ttl == job.failure_ttl == RQ_TTL_S
    assert queued(redis, key_id) == [request_id]
    assert redis.zrange(keyspace.WAITING, 0, -1) == [request_id.encode()]


def test_jobs_are_json_not_pickle(redis, submit):
    request_id = submit(base_image=URL, overlay_image=URL)

    import zlib

    assert json.loads(zlib.decompress(redis.hget(f"rq:job:{request_id}", "data")))[0] == TASK


@pytest.mark.parametrize("form", ["data:image/png;base64,{}", "DATA:;base64,{}", "{}"])
def test_inline_pictures_go_to_the_store_and_not_through_redis(redis, settings, store, submit, form):
    encoded = base64.b64encode(LOGO).decode()

    request_id = submit(base_image=URL, overlay_image=form.format(encoded))

    record = Transitions(redis, settings).read(request_id)
    assert record is not None
    reference = record.params["overlay_image"]
    assert reference.startswith(STORE)
    assert store.get(reference.removeprefix(STORE)) == LOGO
    assert sum(redis.memory_usage(key) for key in redis.scan_iter()) < len(LOGO)


def test_samples_and_our_own_pictures_are_never_fetched(redis, settings, submit):
    output = Output("tok", "outputs/20300101T0000/tok", "image/png", 10, 4, 3)
    first = submit(base_image=URL, overlay_image=URL)
    transitions = Transitions(redis, settings)
    claim_request(transitions, first)
    transitions.complete(first, 1, output, {})

    chained = submit(
        base_image=f"{ORIGIN}/pictures/tok.png",
        overlay_image=f"{ORIGIN}/samples/logo.png",
        mask=f"{ORIGIN}.attacker.example/samples/logo.png",
    )

    record = transitions.read(chained)
    assert record is not None
    assert record.params == {
        "base_image": STORE + output.path,
        "overlay_image": f"{SAMPLE}logo.png",
        "mask": f"{ORIGIN}.attacker.example/samples/logo.png",
    }


def test_all_unusable_pictures_are_named_and_nothing_is_accepted(redis, submit):
    before = redis.dbsize()
    with pytest.raises(InvalidPictures) as refused:
        submit(
            base_image=f"{ORIGIN}/pictures/gone.png",
            overlay_image="data:image/png;base64,@@@",
            mask="https://shop.example/" + "a" * 5000,
        )

    assert set(refused.value.faults) == {"base_image", "overlay_image", "mask"}
    assert redis.dbsize() == before


@pytest.mark.parametrize("reference", ["store:outputs/x", "sample:logo.png", "file:///etc/passwd", "", "  "])
def test_a_client_cannot_send_internal_references(submit, reference):
    with pytest.raises(InvalidPictures, match="overlay_image"):
        submit(base_image=URL, overlay_image=reference)


def test_a_redis_that_is_away_is_an_error_at_once(settings, store, tmp_path):
    away = settings.model_copy(update={"redis_url": f"unix://{tmp_path}/nothing.sock"})

    with pytest.raises(RedisConnectionError):
        accept(away, asked(settings, "key_1", {"base_image": URL, "overlay_image": URL}), store)


INLINE = base64.b64encode(LOGO).decode()


def stored_inputs(settings: Settings) -> list[Path]:
    return [path for path in (settings.data_dir / "store").rglob("*") if path.is_file()]


@pytest.mark.parametrize("idempotency_key", [None, "once"])
def test_a_submit_without_credits_leaves_no_inputs(redis, settings, store, key_id, idempotency_key):
    redis.hset(keyspace.api_key(key_id), "credits", 0)
    request = asked(
        settings, key_id, {"base_image": INLINE, "overlay_image": INLINE}, idempotency_key=idempotency_key
    )

    with pytest.raises(NotEnoughCredits):
        accept(settings, request, store)

    assert stored_inputs(settings) == []


def test_a_submit_to_a_full_queue_leaves_no_inputs(redis, settings, store, key_id):
    full = settings.model_copy(update={"max_waiting": 1})
    accept(full, asked(full, key_id, {"base_image": URL, "overlay_image": URL}), store)

    with pytest.raises(QueueFull):
        accept(full, asked(full, key_id, {"base_image": INLINE, "overlay_image": INLINE}), store)

    assert stored_inputs(settings) == []


def test_an_accepted_submit_keeps_its_inputs(settings, submit):
    submit(base_image=INLINE, overlay_image=URL)

    assert len(stored_inputs(settings)) == 1


def test_a_submit_of_a_revoked_key_leaves_no_inputs(redis, settings, submit, key_id):
    ApiKeys(redis).revoke(key_id)

    with pytest.raises(IllegalMove):
        submit(base_image=INLINE, overlay_image=INLINE)

    assert stored_inputs(settings) == []


def test_a_conflict_of_idempotency_leaves_no_inputs(redis, settings, store, key_id):
    first, other = (
        asked(settings, key_id, {"base_image": base, "overlay_image": INLINE}, idempotency_key="once")
        for base in (URL, INLINE)
    )
    accept(settings, first, store)

    with pytest.raises(IdempotencyConflict):
        accept(settings, other, store)

    assert len(stored_inputs(settings)) == 1


def test_a_request_that_cannot_be_submitted_again_leaves_no_copies(redis, settings, store, submit, key_id):
    request_id = submit(base_image=INLINE, overlay_image=INLINE)
    Transitions(redis, settings).cancel(request_id, CANCELLED)
    stored = stored_inputs(settings)
    redis.hset(keyspace.api_key(key_id), "credits", 0)

    with pytest.raises(NotEnoughCredits):
        Resubmission(redis, settings, store).resubmit(request_id)

    assert stored_inputs(settings) == stored


def test_a_full_redis_refuses_a_submit_without_traces(redis: Redis, settings, submit):
    before = redis.dbsize()
    redis.config_set("maxmemory", "1")
    try:
        with pytest.raises(ResponseError):
            submit(base_image=INLINE, overlay_image=URL)
    finally:
        redis.config_set("maxmemory", "0")

    assert redis.dbsize() == before
    assert stored_inputs(settings) == []
