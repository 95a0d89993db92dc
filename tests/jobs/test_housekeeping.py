"""Housekeeping keeps the store and RQ's registries from growing."""

import time

import pytest

from jobs import keyspace
from jobs.maintenance.housekeeping import Housekeeping
from jobs.pictures.store import PictureStore, new_token
from jobs.redis.connection import connect
from tests.redis.test_redis_trouble import OwnRedis

LONG_AGO = time.time() - 120


@pytest.fixture
def put(store):
    """Puts a picture that expires after so many seconds, and returns its path."""

    def put(after_s: float) -> str:
        path = store.new_path("outputs", new_token(), time.time() + after_s)
        store.put(path, b"a picture")
        return path

    return put


def test_pictures_past_their_time_are_swept(redis, store, put):
    old, new = put(-120), put(60)

    Housekeeping(redis, store).run_once()

    assert store.get(new) == b"a picture"
    with pytest.raises(FileNotFoundError):
        store.get(old)


def test_one_process_at_a_time_runs_housekeeping(redis, store, put):
    Housekeeping(redis, store).run_once()
    old = put(-120)

    Housekeeping(redis, store).run_once()

    assert store.get(old) == b"a picture"
    assert 0 < redis.ttl(keyspace.housekeeping("pictures")) <= 10


def test_expired_entries_leave_the_registries_of_rq(redis, store):
    registries = (keyspace.RQ_FINISHED, keyspace.RQ_FAILED)
    for registry in registries:
        redis.zadd(registry, {"old": LONG_AGO, "new": time.time() + 60})

    Housekeeping(redis, store).run_once()

    assert [redis.zrange(registry, 0, -1) for registry in registries] == [[b"new"]] * 2


def test_a_dead_worker_is_no_longer_counted(redis, store):
    redis.sadd(keyspace.RQ_WORKERS, "rq:worker:gone")

    Housekeeping(redis, store).run_once()

    assert redis.scard(keyspace.RQ_WORKERS) == 0


def test_entries_of_other_applications_stay_in_the_registries_of_rq(redis, store):
    workers = {b"rq:worker:mailer@host", b"rq:worker:a name with spaces", b"mailer"}
    redis.sadd(keyspace.RQ_ALL_WORKERS, "rq:worker:gone", *workers)
    redis.sadd(keyspace.RQ_WORKERS, "rq:worker:gone", b"\xff")
    redis.sadd(keyspace.RQ_QUEUES, "rq:queue:mail", "mail")
    redis.sadd("rq:workers:mail", *workers)

    Housekeeping(redis, store).run_once()

    assert redis.smembers(keyspace.RQ_ALL_WORKERS) == redis.smembers("rq:workers:mail") == workers
    assert redis.smembers(keyspace.RQ_QUEUES) == {b"rq:queue:mail", b"mail"}
    assert redis.scard(keyspace.RQ_WORKERS) == 0


def test_a_failing_task_does_not_stop_the_other(redis, settings, caplog):
    nowhere = settings.model_copy(update={"storage_url": "file:///proc/nowhere"})
    redis.sadd(keyspace.RQ_WORKERS, "rq:worker:gone")

    Housekeeping(redis, PictureStore.open(nowhere)).run_once()

    assert redis.scard(keyspace.RQ_WORKERS) == 0
    assert "housekeeping failed" in caplog.text


def test_pictures_are_swept_while_redis_is_away(settings, store, put, tmp_path_factory, monkeypatch):
    own = OwnRedis(tmp_path_factory.mktemp("r"))
    real = time.time
    with connect(settings.model_copy(update={"redis_url": own.url})) as redis:
        housekeeping = Housekeeping(redis, store)
        housekeeping.run_once()
        old, new = put(-120), put(1800)
        own.kill()
        monkeypatch.setattr(time, "time", lambda: real() + 3600)

        housekeeping.run_once()

    assert store.get(new) == b"a picture", "by Redis's clock, as it was last read"
    with pytest.raises(FileNotFoundError):
        store.get(old)


def test_a_process_that_never_reached_redis_sweeps_nothing(settings, store, put, tmp_path):
    old = put(-120)
    with connect(settings.model_copy(update={"redis_url": f"unix://{tmp_path}/none"})) as redis:
        Housekeeping(redis, store).run_once()

    assert store.get(old) == b"a picture"


def test_a_host_whose_clock_is_ahead_sweeps_nothing_early(redis, store, put, monkeypatch):
    picture = put(60)
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 3600)

    Housekeeping(redis, store).run_once()

    assert store.get(picture) == b"a picture"


def test_a_redis_that_refuses_writes_is_logged_once(settings, store, tmp_path_factory, caplog):
    own = OwnRedis(tmp_path_factory.mktemp("r"))
    with connect(settings.model_copy(update={"redis_url": own.url})) as redis:
        housekeeping = Housekeeping(redis, store)
        for refuses in (1, 1, 0, 1):
            redis.config_set("min-replicas-to-write", refuses)
            housekeeping.run_once()
    own.kill()

    lines = [record for record in caplog.records if record.name == "superimpose.housekeeping"]
    assert [(line.levelname, line.exc_info) for line in lines] == [("WARNING", None)] * 2
    assert "Not enough good replicas" in caplog.text


def test_a_store_that_fails_is_one_line_in_the_log_without_a_traceback(redis, settings, store, caplog):
    (settings.data_dir / "store").touch()

    Housekeeping(redis, store).run_once()

    [line] = [record for record in caplog.records if record.name == "superimpose.housekeeping"]
    assert line.exc_info is None
    assert (
        "housekeeping failed, trying again in 10 s: the directory of pictures cannot be used" in line.message
    )
