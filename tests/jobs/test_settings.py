"""Settings: from the environment, checked together, faults named."""

import pytest
from pydantic import ValidationError
from redis.connection import parse_url

from jobs.settings import Settings


def test_the_environment_beats_a_default(monkeypatch):
    monkeypatch.setenv("SUPERIMPOSE_RESULT_TTL_S", "7200")
    monkeypatch.setenv("SUPERIMPOSE_FETCH_ALLOW", "127.0.0.1/32, 10.1.2.3/16")

    settings = Settings()

    assert settings.result_ttl_s == 7200
    assert settings.fetch_allow == ("127.0.0.1/32", "10.1.0.0/16")


def test_an_empty_variable_is_an_unset_one(monkeypatch):
    monkeypatch.setenv("SUPERIMPOSE_DEV_API_KEY", "")

    assert Settings().dev_api_key is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("fetch_allow", "10.0.0.0/40"),
        ("public_url", "pictures.example"),
        ("workers", 0),
        ("result_ttl_s", -1),
        ("content_check", "package.module.callable"),
        ("content_check", "/srv/check.py:callable"),
        ("content_check", "package.module:callable()"),
        ("nudity_labels", ","),
        ("nudity_threshold", 0),
    ],
)
def test_a_bad_value_is_refused_by_name(name, value):
    with pytest.raises(ValidationError, match=name):
        Settings(**{name: value})


@pytest.mark.parametrize(
    ("inner", "outer"),
    [
        ({"fetch_timeout_s": 60}, "FETCH_TIMEOUT_S = 60.0 must be less than JOB_TIMEOUT_S = 60"),
        ({"job_timeout_s": 1800}, "JOB_TIMEOUT_S = 1800 must be less than START_TIMEOUT_S = 1800"),
    ],
)
def test_deadlines_that_do_not_nest_are_refused_with_both_names(inner, outer):
    with pytest.raises(ValidationError, match=outer):
        Settings(**inner)


@pytest.mark.parametrize(
    ("given", "fetch", "job"),
    [
        ({}, 20, 60),
        ({"job_timeout_s": 10}, 5, 10),
        ({"start_timeout_s": 8}, 2, 4),
        ({"result_ttl_s": 2}, 20, 60),
    ],
)
def test_a_deadline_that_is_not_given_fits_into_one_that_is(given, fetch, job):
    settings = Settings(**given)

    assert (settings.fetch_timeout_s, settings.job_timeout_s) == (fetch, job)


def test_a_trailing_slash_of_the_public_url_is_dropped():
    assert Settings(public_url="https://pictures.example/").public_url == "https://pictures.example"


def test_settings_survive_the_way_to_a_child_process():
    settings = Settings(fetch_allow="10.0.0.0/8", workers=3, public_url="https://a.example")

    assert Settings.model_validate_json(settings.model_dump_json()) == settings


@pytest.mark.parametrize(
    "url",
    [
        "redis://:p/w@host:6379/0",
        "redis://:p?w@host/0",
        "redis://user:p#w@host/0",
        "redis://p#w@host/0",
        "http://user:p@host/0",
        "redis://user:p@[host/0",
        "redis://user:p@host:port/0",
        "redis+sentinel://:p/w@host/shop",
        "redis+sentinel://user:p#w@host/shop",
        "redis+sentinel://user:p@host:port/shop",
        "redis+sentinel://user:p@host:0/shop",
        "redis+sentinel://user:p@host,/shop",
        "redis+sentinel://user:p@[host/shop",
        "redis+sentinel://user:p@host",
        "redis+sentinel://user:p@host/",
        "redis+sentinel://user:p@host/shop/db",
        "redis+sentinel://user:p@host/shop?sentinel_pasword=p",
        "redis+sentinel://user:p@host/shop?ssl=true",
        "redis+sentinel:host/shop",
        "sentinel://user:p@host/shop",
    ],
)
def test_a_redis_url_that_would_be_misread_is_refused_without_a_word_of_it(url):
    with pytest.raises(ValidationError, match="redis_url") as refused:
        Settings(redis_url=url)
    assert url not in str(refused.value)
    assert "p#w" not in str(refused.value)
    assert "must be redis://, rediss:// or unix://, or redis+sentinel://" in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "redis://host",
        "rediss://user:p%40w@host:6380/0?ssl_ca_certs=/etc/ca.pem",
        "redis://:p@w@host/0",
        "unix:///run/redis.sock?db=1&password=p@w",
        "redis+sentinel://host/shop",
        "redis+sentinel://user:p%40w@host1:26379,host2,[::1]:26380/shop-1/2?sentinel_password=p%26w",
        "rediss+sentinel://:p@w@host/shop.1/?ssl_ca_certs=/etc/ca.pem",
    ],
)
def test_redis_urls_of_every_kind_are_taken(url):
    assert Settings(redis_url=url).effective_redis_url == url


def test_the_url_of_the_socket_of_up_says_its_path_whatever_is_in_it(tmp_path):
    settings = Settings(data_dir=tmp_path / "a b#c?%20d")

    assert parse_url(settings.effective_redis_url)["path"] == str(settings.redis_socket)


def test_neither_key_nor_redis_url_shows_in_the_settings_text():
    settings = Settings(redis_url="redis://user:secret@host", dev_api_key="secret-too")

    assert "secret" not in repr(settings)
