"""`superimpose doctor` reports problems, and only problems."""

import json
import os
import threading
from contextlib import contextmanager

import pytest
from typer.testing import CliRunner

from cli.doctor import service_checks
from cli.doctor.service_checks import check_webhooks
from cli.main import app
from cli.serve.up_file import settings_here
from jobs import keyspace
from jobs.lifecycle.transitions import Transitions
from jobs.redis.connection import redis_time
from jobs.webhooks.exchange import PER_RECEIVER
from jobs.webhooks.schedule import LANES
from tests import warm
from tests.redis.sentinels import until
from tests.stack import environment
from tests.webhook_events import MASTER, completed, with_webhooks
from tests.webhooks.receiver import Answer, Got, receiving


def findings(answer) -> dict[str, dict[str, str]]:
    return {line["subject"]: line for line in map(json.loads, answer.stdout.splitlines())}


@pytest.fixture
def doctor(superimpose, monkeypatch):
    """Runs against the shared service, without a name server."""
    monkeypatch.setenv("SUPERIMPOSE_FETCH_HOSTS", "localhost")
    return lambda *arguments: superimpose("doctor", *arguments)


def test_a_healthy_service_has_no_findings(doctor, service):
    answer = doctor("--json")
    found = findings(answer)

    assert answer.exit_code == 0, answer.output
    assert {each["verdict"] for each in found.values()} <= {"ok", "warn"}
    for subject in ("workers", "store", "codecs written", "codecs read", "api", "api key"):
        assert found[subject]["verdict"] == "ok", found[subject]
    assert found["redis"]["seen"].startswith("answers in "), "how fast depends on what else runs here"
    assert found["redis memory"]["verdict"] == "ok", "it has no bound of its own, and room"
    assert found["workers"]["seen"].startswith("2 registered")
    assert found["fetch rules"]["verdict"] == "warn", "its settings let it fetch from this machine"


@pytest.mark.parametrize(
    ("setting", "value"),
    [("FORMATS", "WEBP"), ("FORMATS", "AVIF"), ("MAX_PIXELS", "100"), ("MAX_SIDE", "50")],
)
def test_its_own_samples_are_not_subject_to_the_limits_for_inputs(doctor, monkeypatch, setting, value):
    monkeypatch.setenv(f"SUPERIMPOSE_{setting}", value)

    found = findings(doctor("--json"))

    for subject in ("codecs written", "codecs read"):
        assert found[subject]["verdict"] == "ok", found[subject]
    if setting == "FORMATS":
        assert found["codecs read"]["seen"] == value.lower()


def test_it_leaves_no_files_and_no_folders(doctor, monkeypatch, tmp_path):
    monkeypatch.setenv("SUPERIMPOSE_DATA_DIR", str(tmp_path / "data"))

    found = findings(doctor("--json"))

    assert found["store"]["verdict"] == found["store disk"]["verdict"] == "ok"
    assert not (tmp_path / "data").exists()


def test_findings_have_advice(doctor):
    text = doctor().stdout

    assert "warn fetch rules" in text
    assert "-> leave SUPERIMPOSE_FETCH_ALLOW empty" in text
    assert "warn" in text.splitlines()[-1]


@pytest.mark.parametrize(
    ("setting", "value", "subject", "verdict"),
    [
        ("REDIS_URL", "redis://127.0.0.1:1/0", "redis", "fail"),
        ("STORAGE_URL", "file:///proc/nowhere", "store", "fail"),
        ("MAX_CONNECTIONS", "100000000", "open files", "fail"),
        ("FORMATS", "JPEG,PSD", "settings", "fail"),
        ("CONTENT_CHECK", "nowhere:check", "content check", "fail"),
        ("REMOVER", "nowhere:remover", "remover", "fail"),
        ("JOB_TIMEOUT_S", "5000", "settings", "fail"),
        ("JOB_MEMORY_BYTES", "536870912", "job memory", "warn"),
        ("MAX_BODY_BYTES", "2048", "body limit", "warn"),
        ("WORKERS", "200", "workers and cores", "warn"),
        ("FETCH_HOSTS", "nobody.invalid", "name resolution", "warn"),
        ("SERVER", "http://127.0.0.1:1", "api", "fail"),
        ("API_KEY", "wrong", "api key", "fail"),
    ],
)
def test_problems_are_found(doctor, monkeypatch, setting, value, subject, verdict):
    monkeypatch.setenv(f"SUPERIMPOSE_{setting}", value)

    answer = doctor("--json")
    found = findings(answer)[subject]

    assert found["verdict"] == verdict
    assert found["advice"]
    assert answer.exit_code == (1 if verdict == "fail" else 0)


def test_a_redis_that_would_lose_requests_is_found(without_service, redis):
    redis.config_set("maxmemory-policy", "allkeys-lru")
    redis.config_set("appendfsync", "everysec")
    try:
        found = findings(without_service("doctor", "--json"))
    finally:
        redis.config_set("maxmemory-policy", "noeviction")
        redis.config_set("appendfsync", "no")

    assert found["redis eviction"]["verdict"] == "fail"
    assert found["redis fsync"]["verdict"] == "warn"
    assert found["workers"]["verdict"] == "fail", "none runs on this database"
    assert found["redis rights"]["verdict"] == "ok"


@pytest.fixture
def webhooks_on(redis, settings, monkeypatch, tmp_path):
    """An empty database with webhooks on and no sender."""
    env = environment(
        settings.redis_url, tmp_path, webhook_secret=MASTER, webhook_http=True, fetch_allow="127.0.0.1/32"
    )
    for name in env.keys() - os.environ.keys():
        monkeypatch.setenv(name, env[name])
    return Transitions(redis, with_webhooks(settings))


def looked_at_webhooks() -> dict[str, str] | None:
    without_name_server = CliRunner(env={"SUPERIMPOSE_FETCH_HOSTS": "localhost"})
    return findings(without_name_server.invoke(app, ["doctor", "--json"])).get("webhooks")


def make_late(redis) -> None:
    """Make all events two minutes overdue."""
    for lane in map(keyspace.lane, LANES):
        for receiver in redis.zrange(lane, 0, -1):
            redis.zadd(lane, {receiver: redis_time(redis) * 1000 - 120_000})


def test_events_without_a_sender_are_found(redis, webhooks_on, key_id, monkeypatch):
    monkeypatch.setattr(service_checks, "SENDER_TIMEOUT_S", 0.2)
    before = looked_at_webhooks()
    completed(webhooks_on, key_id, "http://127.0.0.1:1/")
    soon = looked_at_webhooks()
    make_late(redis)
    late = looked_at_webhooks()

    assert [found["verdict"] for found in (before, soon, late)] == ["warn", "warn", "fail"]
    assert all("no sender runs" in found["seen"] for found in (before, soon, late))
    assert "superimpose webhooks" in late["advice"]
    assert late["seen"].startswith("an event has been due for 2 m")


def test_late_events_are_found(redis, webhooks_on, key_id, monkeypatch):
    """The last event waits behind as many as the sender sends to one receiver, and keeps its time."""
    monkeypatch.setattr(service_checks, "SENDER_TIMEOUT_S", 30)
    calls, go_on = [], threading.Event()

    def hang(call: Got) -> Answer:
        calls.append(call)
        return (204 if go_on.wait(20) else 500), {}

    with receiving() as receiver, sending_events():
        completed(webhooks_on, key_id, receiver.url)
        until(lambda: redis.keys(keyspace.standing("*")), "the receiver is known to respond")
        receiver.answers = hang
        for _ in range(PER_RECEIVER["proven"] + 1):
            completed(webhooks_on, key_id, receiver.url)
        until(lambda: len(calls) == PER_RECEIVER["proven"], "the receiver is called")
        [well] = check_webhooks(settings_here())  # alone, as the sender waits only 15 s for the receiver
        make_late(redis)
        [late] = check_webhooks(settings_here())
        go_on.set()

    assert (well.verdict, well.seen, well.advice) == ("ok", "events are sent, none is late", "")
    assert late.verdict == "warn"
    assert late.seen.startswith("an event has been due for 2 m")


def test_webhooks_that_are_off_are_not_reported(webhooks_on, monkeypatch):
    monkeypatch.delenv("SUPERIMPOSE_WEBHOOK_SECRET")

    assert looked_at_webhooks() is None


@contextmanager
def sending_events():
    process = warm.start(("cli", "webhooks"), os.environ, None)
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)
