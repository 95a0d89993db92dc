"""`superimpose up` with Redis, public address and master secret from its settings."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from tests.cli.serve.up import Up, make_event, running, webhook_secret
from tests.stack import empty_database
from tests.webhooks.receiver import Receiver, receiving

SECRET = "a-master-secret-of-the-settings-long-enough"


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def given(redis_socket: Path, receiver: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """An `up` that has sent the event of a request."""
    settings = {
        "redis_url": empty_database(redis_socket, 6),
        "public_url": "https://pictures.invalid",
        "webhook_secret": SECRET,
        "webhook_http": "true",
        "fetch_allow": "127.0.0.1/32",
    }
    with running(tmp_path_factory.mktemp("given"), **settings) as service:
        make_event(service, receiver, 1)
        yield service


def test_it_starts_if_its_public_address_is_not_reachable_from_here(given):
    assert "URL  https://pictures.invalid" in given.greeting()


def test_commands_find_its_redis(given, monkeypatch):
    monkeypatch.setenv("SUPERIMPOSE_DATA_DIR", str(given.data_dir))

    def ran(*arguments: str) -> str:
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == 0, done.output
        return done.stdout

    (request,) = ran("requests", "list", "--json").splitlines()
    assert json.loads(request)["status"] == "COMPLETED"
    assert [json.loads(key)["name"] for key in ran("keys", "list", "--json").splitlines()] == ["dev"]
    assert len(json.loads(ran("queue", "--json"))["workers"]) == 1
    found = {line["subject"]: line for line in map(json.loads, ran("doctor", "--json").splitlines())}
    assert found["workers"]["seen"].startswith("1 registered")


def test_the_master_secret_of_the_settings_takes_precedence(given, receiver, monkeypatch):
    monkeypatch.setenv("SUPERIMPOSE_DATA_DIR", str(given.data_dir))
    monkeypatch.setenv("SUPERIMPOSE_WEBHOOK_SECRET", SECRET)

    assert receiver.got[0].is_signed_with(webhook_secret())
    assert not (given.data_dir / "webhook-secret").exists()
