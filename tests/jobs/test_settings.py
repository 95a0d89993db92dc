"""Settings: from the environment, checked together, faults named."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from pydantic import ValidationError
from redis.connection import parse_url
from typer.main import get_command

from cli.main import app
from compositor.files import RISKY_FORMATS, SAFE_FORMATS, Limits
from jobs.config.setting_faults import setting_faults
from jobs.config.settings import Settings
from telemetry.processes import NAME as PROCESS
from worker.fetch import Fetcher
from worker.resources import fetch_rules

ROOT = Path(__file__).parents[2]


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
        ("remover", "package.module.callable"),
        ("nudity_labels", ","),
        ("nudity_threshold", 0),
        ("formats", "JPG"),
        ("formats", "jpeg"),
        ("formats", "JPEG,PSD"),
        ("formats", ","),
        ("fetch_ports", "http"),
        ("fetch_ports", "80,,443"),
        ("fetch_ports", "0"),
        ("fetch_ports", "70000"),
        ("fetch_ports", "443-80"),
        ("fetch_ports", "-80"),
        ("fetch_hosts", "bad host!"),
        ("fetch_user_agent", "shop\r\nX: y"),
        ("fetch_user_agent", " "),
        ("fetch_user_agent", "Größe"),
        ("fetch_hosts", "*"),
        ("fetch_hosts", "*.*.shop.example"),
        ("fetch_hosts", "https://shop.example"),
        ("fetch_hosts", "shop.example:443"),
        ("fetch_hosts", "2130706433"),
        ("fetch_hosts", "b\u00fccher.example"),
        ("fetch_hosts", "fe80::1%eth0"),
        ("public_url", "https://"),
        ("public_url", "https://b\u00fccher.example"),
        ("public_url", "https://two words.example"),
        ("public_url", "https://shop.example:99999"),
        ("public_url", "https://me:pw@shop.example"),
        ("public_url", "https://shop.example/?a=b"),
        ("cors_origins", "https://shop.example/page"),
        ("cors_origins", "https://"),
        ("trusted_proxies", "*"),
        ("metrics_host", "all of them"),
        ("metrics_host", f"{'a' * 70}.example"),
        ("storage_url", "bucket"),
        ("storage_url", "s3://"),
        ("storage_url", "s3://bucket//prefix"),
        ("storage_url", "s3://key:secret@bucket"),
        ("storage_url", "az://container@account/prefix"),
        ("storage_url", "abfss://container:secret@account.dfs.core.windows.net/prefix"),
        ("storage_url", "abfss://container@elsewhere.example/prefix"),
        ("storage_url", "http://shop.example/pictures"),
        ("storage_url", "memory:///"),
        ("storage_url", "file://pictures"),
        ("storage_url", "file:pictures"),
        ("redis_url", "unix:///srv/C#/redis.sock"),
        ("redis_url", "redis://host?decode_responses=true"),
        ("redis_url", "redis://host/first"),
        ("redis_url", "redis://host/0/1"),
        ("redis_url", "redis://host?no_such_option=1"),
        ("redis_url", "redis://host?db=first"),
        ("redis_url", "redis://host?protocol=9"),
        ("redis_url", "redis://host?ssl_ca_certs=/etc/ca.pem"),
        ("redis_url", "rediss://host?ssl_cert_reqs=sometimes"),
        ("redis_url", "redis+sentinel://host/shop?no_such_option=1"),
        ("dev_api_key", "two words"),
        ("dev_api_key", "schl\u00fcssel"),
        ("cell", "EU-1"),
        ("cell", "a" * 17),
        ("admin_key", "n\u00e4mlich-lang-genug-aber-nicht-zu-senden"),
        ("admin_key", "short"),
        ("data_dir", __file__),
        ("sync_timeout_s", "inf"),
        ("drain_timeout_s", "inf"),
        ("client_timeout_s", "nan"),
        ("result_ttl_s", 10**12),
        ("upload_ttl_s", 10**12),
        ("max_start_timeout_s", 10**12),
        ("max_input_bytes", 2**63),
        ("job_memory_bytes", 2**64),
        ("max_pixels", 2**63),
        ("credit_cost", 2**60),
        ("log_format", "xml"),
        ("rate_limit", "often"),
        ("docs", "maybe"),
    ],
)
def test_a_bad_value_is_refused_by_name(name, value):
    (fault,) = faults(**{name: value})

    assert fault.startswith(f"SUPERIMPOSE_{name.upper()} = ")
    assert " is not allowed: " in fault
    assert_plain(fault)


def faults(**given: object) -> list[str]:
    with pytest.raises(ValidationError) as refused:
        Settings(**given)
    return setting_faults(refused.value)


def assert_plain(text: str) -> None:
    assert not re.search(r"Input|Value error|String should|Tuple|should|parse|type=", text), text
    assert "\n" not in text


def test_all_faults_are_named_at_once_in_a_line_each(monkeypatch):
    wrong = {
        "FORMATS": "JPG",
        "FETCH_PORTS": "http",
        "FETCH_HOSTS": "bad host!",
        "WORKERS": "many",
        "WORKRES": "3",
        "RATE_LIMIT": "often",
        "JOB_TIMEOUT_S": "soon",
    }
    for name, value in wrong.items():
        monkeypatch.setenv(f"SUPERIMPOSE_{name}", value)

    lines = faults()

    assert sorted(re.split("[ :]", line)[0] for line in lines) == [f"SUPERIMPOSE_{n}" for n in sorted(wrong)]
    assert (
        "SUPERIMPOSE_FORMATS = 'JPG' is not allowed: must be 'JPEG', 'PNG', 'WEBP', 'GIF', 'AVIF', 'TIFF', "
        "'BMP', 'JPEG2000' or 'HEIF'"
    ) in lines
    assert "SUPERIMPOSE_WORKERS = 'many' is not allowed: must be a valid integer" in lines
    assert (
        "SUPERIMPOSE_RATE_LIMIT = 'often' is not allowed: "
        "write 600/minute (or second, hour, day), or unlimited"
    ) in lines


def test_settings_that_contradict_each_other_are_all_named():
    lines = faults(fetch_timeout_s=70, start_timeout_s=50, redirect_to_bucket=True, rate_limit="unlimited")

    assert [line.partition(" ")[0] for line in lines] == [
        "SUPERIMPOSE_REDIRECT_TO_BUCKET",
        "SUPERIMPOSE_RATE_LIMIT",
        "SUPERIMPOSE_FETCH_TIMEOUT_S",
    ]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("SUPERIMPOSE_WORKRES", "did you mean SUPERIMPOSE_WORKERS?"),
        ("SUPERIMPOSE_METRIC_PORT", "did you mean SUPERIMPOSE_METRICS_PORT?"),
        ("superimpose_workres", "did you mean SUPERIMPOSE_WORKERS?"),
        ("SUPERIMPOSE_XYZ", "docs/settings.md lists them all"),
    ],
)
def test_a_variable_that_is_no_setting_is_refused_with_the_one_that_was_meant(monkeypatch, name, said):
    monkeypatch.setenv(name, "3")

    assert faults() == [f"{name.upper()}: unknown setting, {said}"]


def test_an_unknown_variable_without_a_value_is_an_unset_one(monkeypatch):
    monkeypatch.setenv("SUPERIMPOSE_WORKRES", "")

    assert Settings()


@pytest.mark.parametrize("service", ["SUPERIMPOSE", "SUPERIMPOSE_API", "SUPERIMPOSE_WORKER_METRICS"])
def test_what_kubernetes_says_of_a_service_is_no_setting(monkeypatch, service):
    """https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables"""
    links = {
        "SERVICE_HOST": "10.0.0.11",
        "SERVICE_PORT": "8000",
        "SERVICE_PORT_HTTP": "8000",
        "PORT": "tcp://10.0.0.11:8000",
        "PORT_8000_TCP": "tcp://10.0.0.11:8000",
        "PORT_8000_TCP_PROTO": "tcp",
        "PORT_8000_TCP_PORT": "8000",
        "PORT_8000_TCP_ADDR": "10.0.0.11",
    }
    for name, value in links.items():
        monkeypatch.setenv(f"{service}_{name}", value)

    assert Settings()


def variables(command: click.Command) -> Iterator[str]:
    """Of the options of a command and of those below it."""
    for option in command.params:
        yield from [option.envvar] if isinstance(option.envvar, str) else option.envvar or ()
    for below in getattr(command, "commands", {}).values():
        yield from variables(below)


def test_every_variable_that_we_read_passes(monkeypatch):
    """A variable with the prefix that others read has to stand in `jobs.config.environment.OTHERS`."""
    of_compose = re.findall(r"\bSUPERIMPOSE_[A-Z_]*[A-Z]\b", (ROOT / "docker-compose.yml").read_text())
    named = {PROCESS, *variables(get_command(app)), *of_compose}
    settings = {f"SUPERIMPOSE_{name.upper()}" for name in Settings.model_fields}
    for name in named - settings:
        monkeypatch.setenv(name, "3")

    assert named - settings >= {"SUPERIMPOSE_SERVER", "SUPERIMPOSE_PORT", "SUPERIMPOSE_PROCESS"}
    assert Settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("redis_url", "http://user:hunter2@host"),
        ("storage_url", "s3://key:hunter2@bucket"),
        ("public_url", "https://me:hunter2@shop.example"),
        ("public_url", "https://shop.example/?token=hunter2"),
        ("admin_key", "hunter2"),
        ("dev_api_key", "hunter2 "),
    ],
)
def test_a_fault_does_not_show_what_may_be_secret(name, value):
    (fault,) = faults(**{name: value})

    assert "hunter2" not in fault
    assert fault.startswith(f"SUPERIMPOSE_{name.upper()} = (not shown) is not allowed: must ")


def test_formats_of_settings_are_those_the_compositor_reads():
    known = (*SAFE_FORMATS, *RISKY_FORMATS)

    assert Settings().formats == SAFE_FORMATS
    assert Limits(**Settings(formats=",".join(known)).picture_limits).formats == known


def test_heif_needs_its_library():
    without = "import sys; sys.modules['pillow_heif'] = None"  # as in an image built without the extra
    code = f"{without}; from jobs.config.settings import Settings; Settings(formats='HEIF')"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)

    assert "needs the package pillow-heif: pip install '.[heif]' in the clone" in done.stderr


@pytest.mark.parametrize(
    "url", ["http://[::1]:8000", "https://SHOP.example:8443/", "https://shop.example/pictures"]
)
def test_a_fetcher_can_be_made_of_every_public_url(url):
    """Its host is one of our own, which is reached through FETCH_ALLOW alone."""
    rules = fetch_rules(Settings(public_url=url))

    with Fetcher(rules):
        pass


def test_hosts_ports_and_origins_are_taken_in_the_form_that_rules_compare():
    settings = Settings(
        fetch_hosts="SHOP.example., *.Shop.example,[2606:4700::0:1]",
        fetch_ports="80, 1025-65535",
        cors_origins="HTTPS://Shop.example:443/,http://[::1]:3000,*",
    )

    assert settings.fetch_hosts == ("shop.example", "*.shop.example", "2606:4700::1")
    assert settings.cors_origins == ("https://shop.example", "http://[::1]:3000", "*")
    with Fetcher(fetch_rules(settings)):
        pass


@pytest.mark.parametrize(
    "url",
    [
        "file:///srv/pictures",
        "file:///srv/a%20b",
        "s3://bucket/some/prefix",
        "gs://bucket",
        "abfss://container@account.dfs.core.windows.net/prefix",
    ],
)
def test_stores_of_every_kind_are_taken(url):
    assert Settings(storage_url=url).storage_url == url


@pytest.mark.parametrize(
    ("inner", "outer"),
    [
        ({"fetch_timeout_s": 60}, "FETCH_TIMEOUT_S = 60.0 must be less than SUPERIMPOSE_JOB_TIMEOUT_S = 60"),
        ({"job_timeout_s": 1800}, "JOB_TIMEOUT_S = 1800 must be less than SUPERIMPOSE_START_TIMEOUT_S = "),
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


def test_every_limit_of_a_fetch_follows_from_the_settings():
    patient = fetch_rules(Settings(fetch_timeout_s=40, fetch_user_agent="shop/1 (+https://shop.example)"))

    assert (patient.total_timeout_s, patient.connect_timeout_s) == (40, 10)
    assert patient.user_agent == "shop/1 (+https://shop.example)"
    assert re.fullmatch(r"superimpose/\d+\.\d+\.\d+", fetch_rules(Settings()).user_agent)
