"""The secret of a key: what it looks like, where it comes from, how it is rotated."""

from base64 import b64decode

import pytest
from redis import Redis

from jobs import keyspace
from jobs.keys.api_keys import ApiKeys, UnknownKey
from jobs.keys.key_backup import export, restore
from jobs.webhooks.secrets import OFF, KeySecrets, WebhookSecrets, WebhooksOff, sign
from tests.webhook_events import MASTER, with_webhooks


@pytest.fixture
def secrets(redis: Redis, settings) -> KeySecrets:
    return KeySecrets(redis, with_webhooks(settings))


def test_it_is_that_of_the_standard_and_each_key_has_its_own(redis, secrets, key_id):
    other = ApiKeys(redis).create("other")[0].key_id
    mine, theirs = secrets.read(key_id), secrets.read(other)

    assert mine.startswith("whsec_")
    assert len(b64decode(mine.removeprefix("whsec_"), validate=True)) == 32
    assert mine != theirs
    assert secrets.read(key_id) == mine


def test_redis_does_not_hold_it(redis, secrets, key_id):
    secrets.rotate(key_id)
    secret = b64decode(secrets.read(key_id).removeprefix("whsec_"))

    stored = b"".join(redis.dump(name) for name in redis.keys("*"))

    assert secret not in stored
    assert MASTER.encode() not in stored


def test_after_a_rotation_it_is_another_one(secrets, key_id):
    before = secrets.read(key_id)

    after = secrets.rotate(key_id)

    assert after != before
    assert secrets.read(key_id) == after


def test_another_master_gives_other_secrets_and_the_first_one_is_current(redis, settings, key_id):
    old = KeySecrets(redis, with_webhooks(settings)).read(key_id)
    both = with_webhooks(settings, webhook_secret=("another-master-secret-of-the-tests", MASTER))

    assert KeySecrets(redis, both).read(key_id) != old
    assert list(WebhookSecrets(both).signing(key_id, 0, with_former=False)) == [
        KeySecrets(redis, both).read(key_id),
        old,
    ]


def test_without_a_master_secret_the_error_names_the_setting(redis, settings, key_id):
    secrets = KeySecrets(redis, settings)

    for ask in (secrets.read, secrets.rotate):
        with pytest.raises(WebhooksOff) as refused:
            ask(key_id)
        assert str(refused.value) == OFF


def test_a_key_that_is_not_there_has_none(redis, secrets):
    for ask in (secrets.read, secrets.rotate):
        with pytest.raises(UnknownKey):
            ask("key_000000000000")
    assert not redis.exists(keyspace.api_key("key_000000000000"))


def test_a_restored_key_has_the_secret_it_had(redis, secrets, key_id):
    rotated = secrets.rotate(key_id, 3600)
    backup = export(redis)
    until = redis.hget(keyspace.api_key(key_id), "webhook_former_until")
    redis.flushdb()

    restore(redis, backup)

    assert secrets.read(key_id) == rotated
    assert redis.hget(keyspace.api_key(key_id), "webhook_former_until") == until


def test_a_signature_is_that_of_the_standard():
    """The example of the specification's own libraries."""
    signature = sign(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )

    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
