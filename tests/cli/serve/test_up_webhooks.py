"""`superimpose up` sends events, with a master secret of its own that other commands find."""

import stat

import httpx
import pytest
from redis import Redis

from cli.serve.up_file import settings_here
from jobs.keys.api_keys import ApiKeys
from jobs.webhooks.secrets import KeySecrets
from tests.cli.serve.test_up import up  # noqa: F401 a fixture
from tests.webhooks.receiver import Receiver, receiving


@pytest.fixture
def receiver():
    with receiving() as receiver:
        yield receiver


def send_one(service, receiver: Receiver, count: int) -> str:
    """Have an event sent; returns the secret that other commands find."""
    service.greeting()
    body = {
        "base_image": f"{service.url}/samples/cup.jpg",
        "overlay_image": f"{service.url}/samples/logo.png",
        "webhook_url": receiver.url,
    }
    headers = {"x-api-key": service.key()}
    httpx.post(
        f"{service.url}/v2/superimpose", json=body, headers=headers, trust_env=False
    ).raise_for_status()
    receiver.await_calls(count)
    settings = settings_here()
    with Redis.from_url(settings.effective_redis_url) as redis:
        [key] = ApiKeys(redis).list()
        return KeySecrets(redis, settings).read(key.key_id)


def test_an_event_is_signed_with_a_secret_that_lasts(up, receiver, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setenv("SUPERIMPOSE_WEBHOOK_HTTP", "true")
    monkeypatch.setenv("SUPERIMPOSE_FETCH_ALLOW", "127.0.0.1/32")
    monkeypatch.setenv("SUPERIMPOSE_DATA_DIR", str(tmp_path / "data"))
    secrets = []
    for count in (1, 2):
        service = up()
        secrets.append(send_one(service, receiver, count))
        assert service.interrupt() == 0
        assert "Traceback" not in service.printed

    assert secrets[0] == secrets[1]
    assert all(call.is_signed_with(secrets[0]) for call in receiver.got)
    kept = tmp_path / "data/webhook-secret"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert kept.read_text() not in service.printed


def test_the_master_secret_of_the_settings_wins(up, receiver, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setenv("SUPERIMPOSE_WEBHOOK_HTTP", "true")
    monkeypatch.setenv("SUPERIMPOSE_FETCH_ALLOW", "127.0.0.1/32")
    monkeypatch.setenv("SUPERIMPOSE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("SUPERIMPOSE_WEBHOOK_SECRET", "a-master-secret-of-the-settings-long-enough")

    secret = send_one(up(), receiver, 1)

    assert receiver.got[0].is_signed_with(secret)
    assert not (tmp_path / "data/webhook-secret").exists()
