"""`keys webhook-secret` prints the signing secret, `requests show` the attempts of an event."""

import json

import pytest

from cli.serve.up_file import WEBHOOK_SECRET, holding, settings_here
from jobs import keyspace
from jobs.config.settings import Settings
from jobs.lifecycle.transitions import Transitions
from jobs.webhooks.secrets import KeySecrets
from tests.webhook_events import MASTER, completed, with_webhooks

URL = "https://shop.example/hooks?key=of-the-receiver"


@pytest.fixture
def settings(settings: Settings, monkeypatch) -> Settings:
    monkeypatch.setenv("SUPERIMPOSE_WEBHOOK_SECRET", MASTER)
    return with_webhooks(settings)


@pytest.fixture
def run(without_service):
    return without_service


def test_the_secret_of_a_key_is_printed_by_name_and_by_id(run, redis, settings, key_id):
    secret = KeySecrets(redis, settings).read(key_id)

    assert run("keys", "webhook-secret", "shop").stdout == f"{secret}\n"
    shown = json.loads(run("keys", "webhook-secret", key_id, "--json").stdout)
    assert shown == {"key_id": key_id, "key": secret}


def test_rotation_prints_a_new_secret_and_keeps_the_old_one_for_a_while(run, redis, settings, key_id):
    old = run("keys", "webhook-secret", "shop").stdout

    new = run("keys", "webhook-secret", "shop", "--rotate", "--overlap", "12h").stdout

    assert new == run("keys", "webhook-secret", "shop").stdout != old
    until_ms = int(redis.hget(keyspace.api_key(key_id), "webhook_former_until"))
    assert until_ms / 1000 - redis.time()[0] == pytest.approx(12 * 3600, abs=60)


def test_without_a_master_secret_one_line_says_how_to_set_it(run, settings, key_id, monkeypatch):
    monkeypatch.delenv("SUPERIMPOSE_WEBHOOK_SECRET")

    refused = run("keys", "webhook-secret", "shop")

    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr == (
        "superimpose: webhooks are off on this server: its operator sets SUPERIMPOSE_WEBHOOK_SECRET\n"
    )


def test_an_unknown_key_has_no_secret(run, settings):
    assert "there is no key nobody" in run("keys", "webhook-secret", "nobody").stderr


def test_the_master_secret_is_that_of_the_running_up_unless_one_is_set(run, settings, monkeypatch):
    (settings.data_dir / WEBHOOK_SECRET).write_text(f"{MASTER}-of-up\n")
    with holding(settings.data_dir, "http://127.0.0.1:8000", has_own_secret=True):
        assert settings_here().webhook_secret == (MASTER,)
        monkeypatch.delenv("SUPERIMPOSE_WEBHOOK_SECRET")
        assert settings_here().webhook_secret == (f"{MASTER}-of-up",)
    assert settings_here().webhook_secret == ()


def attempt(at: float, status: int | None, error: str | None) -> str:
    return json.dumps({"at": at, "status": status, "duration_ms": 12, "error": error})


def test_a_request_is_shown_with_all_delivery_attempts_of_its_event(run, redis, settings, key_id):
    request_id = completed(Transitions(redis, settings), key_id, URL)
    made = {"attempt:1": attempt(1, 503, "answered 503"), "attempt:2": attempt(2, 204, None)}
    redis.hset(keyspace.event(request_id), mapping=made | {"state": "delivered"})

    shown = run("requests", "show", request_id).stdout
    as_json = json.loads(run("requests", "show", request_id, "--json").stdout)

    lines = [" ".join(line.split()) for line in shown.splitlines()]
    assert "webhook url https://shop.example/hooks" in lines
    assert "state delivered" in lines
    assert "1970-01-01T00:00:01.000+00:00 answered 503, 12 ms" in lines
    assert "1970-01-01T00:00:02.000+00:00 204, 12 ms" in lines
    assert [each["status"] for each in as_json["webhook"]["attempts"]] == [503, 204]
    assert "of-the-receiver" not in shown + json.dumps(as_json)


def test_the_event_of_an_expired_request_is_still_shown(run, redis, settings, key_id):
    request_id = completed(Transitions(redis, settings), key_id, URL)
    redis.delete(keyspace.request(request_id))

    shown = json.loads(run("requests", "show", request_id, "--json").stdout)

    assert shown.keys() == {"request_id", "webhook"}
    assert shown["webhook"]["state"] == "pending"
