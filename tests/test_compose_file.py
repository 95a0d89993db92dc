"""Guards Dockerfile and docker-compose.yml against regressions; `docker compose up` itself is run by hand."""

import json
import os
import re
import subprocess
import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import start_http_server

from cli.serve.roles import SPARE_S
from jobs import keyspace
from jobs.config.settings import Settings
from tests.docs.pages import OF_COMPOSE_ALONE, PAGES

ROOT = Path(__file__).parents[1]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
MONITORED = yaml.safe_load((ROOT / "observability/prometheus.yml").read_text())
OURS = ("api", "worker", "webhooks")
PREFIX = "SUPERIMPOSE_"
FIXED_BY_THE_IMAGE = {"data_dir", "metrics_host"}  # the mount point of the volume; all addresses
MONITORING = ("prometheus", "grafana")


def instructions() -> list[tuple[str, str]]:
    """(name, rest) of every instruction of the Dockerfile, continued lines joined."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines()]
    return [tuple(line.split(maxsplit=1)) for line in lines if line and not line.startswith("#")]


def final_stage() -> dict[str, str]:
    """The last stage's instructions by name; the last one of each name."""
    names = [name for name, _ in instructions()]
    last_from = len(names) - names[::-1].index("FROM") - 1
    return dict(instructions()[last_from:])


def seconds(text: str) -> float:
    """Seconds of a compose duration such as `1m30s`."""
    units = {"h": "hours", "m": "minutes", "s": "seconds"}
    parts = {units[unit]: int(number) for number, unit in re.findall(r"(\d+)([hms])", text)}
    return timedelta(**parts).total_seconds()


def redis_option(name: str) -> str:
    """The value of a Redis option on its command line."""
    command = SERVICES["redis"]["command"]
    return command[command.index(name) + 1]


def test_the_image_uses_exec_form_so_that_signals_arrive():
    stage = final_stage()
    assert json.loads(stage["ENTRYPOINT"]) == ["superimpose"]
    assert json.loads(stage["CMD"])[0] == "api"


def test_the_image_does_not_run_as_root():
    user, _, group = final_stage()["USER"].partition(":")
    assert int(user) > 0
    assert int(group) > 0


def test_the_image_checks_its_api():
    options, _, command = final_stage()["HEALTHCHECK"].partition("CMD ")
    assert "--timeout" in options
    assert "GET /livez " in " ".join(json.loads(command))


def test_the_image_installs_a_wheel_and_not_the_checkout():
    installs = [rest for name, rest in instructions() if name == "RUN" and "pip install" in rest]
    assert installs
    assert not any(re.search(r"\s(-e|--editable)\s", rest) for rest in installs)


def test_the_build_context_has_only_the_sources_of_the_wheel():
    lines = (ROOT / ".dockerignore").read_text().split()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    files = {project["project"]["readme"], *project["project"]["license-files"]}
    found = project["tool"]["setuptools"]["packages"]["find"]["include"]
    packages = {name.removesuffix("*") for name in found}
    assert "*" in lines
    assert {line[1:] for line in lines if line.startswith("!")} == {
        "pyproject.toml",
        "requirements.lock",
        *files,
        *packages,
    }


def test_the_wheel_has_all_of_our_packages():
    find = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]["find"]
    folders = {path.parent for name in find["include"] for path in ROOT.glob(f"{name}/**/*.py")}
    assert len(folders) > len(find["include"])
    assert [folder for folder in folders if not (folder / "__init__.py").exists()] == []


def test_redis_keeps_accepted_requests():
    assert redis_option("--appendonly") == "yes"
    assert redis_option("--appendfsync") == "always"
    assert redis_option("--maxmemory-policy") == "noeviction"
    assert [volume.partition(":")[2] for volume in SERVICES["redis"]["volumes"]] == ["/data"]


def test_only_our_services_can_reach_redis():
    assert "ports" not in SERVICES["redis"]
    assert SERVICES["redis"]["networks"] == ["backend"]
    assert COMPOSE["networks"]["backend"]["internal"] is True


def test_redis_refuses_what_we_never_use():
    rules = SERVICES["redis"]["command"]
    assert rules.index("-@all") < rules.index("+@write") < rules.index("-@dangerous")
    assert {rule for rule in rules if rule.startswith(("~", "&"))} == {
        "~rq:*",
        "&rq:*",
        f"~{keyspace.PREFIX}:*",
        f"&{keyspace.PREFIX}:*",
    }


def test_the_api_is_published_on_loopback_and_workers_not_at_all():
    assert SERVICES["api"]["ports"] == ["127.0.0.1:${SUPERIMPOSE_PORT:-8000}:8000"]
    assert "ports" not in SERVICES["worker"]


def test_the_number_of_workers_is_set_in_env_for_the_next_up():
    assert SERVICES["worker"]["deploy"] == {"replicas": "${SUPERIMPOSE_WORKER_CONTAINERS:-1}"}
    assert not any("container_name" in service for service in SERVICES.values())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_no_page_scales_in_a_way_that_the_next_up_undoes(page):
    assert "--scale worker" not in page.read_text()


def test_all_roles_run_one_image_and_those_with_pictures_on_one_store():
    api, worker, webhooks = (SERVICES[role] for role in OURS)
    for shared in ("image", "build"):
        assert api[shared] == worker[shared] == webhooks[shared]
    assert api["volumes"] == worker["volumes"]
    assert webhooks["volumes"] == []
    assert (worker["command"], webhooks["command"]) == (["worker"], ["webhooks"])


def test_webhooks_only_start_with_their_profile():
    """Without a secret it would exit at once and be restarted forever."""
    assert SERVICES["webhooks"]["profiles"] == ["webhooks"]


@pytest.mark.parametrize("role", ["worker", "webhooks"])
def test_stopping_waits_for_running_work(role):
    assert seconds(SERVICES[role]["stop_grace_period"]) > Settings().drain_timeout_s + SPARE_S


def test_stopping_waits_for_open_responses():
    assert seconds(SERVICES["api"]["stop_grace_period"]) > Settings().sync_timeout_s + SPARE_S


def test_every_service_has_a_health_check():
    assert "healthcheck" not in SERVICES["api"]  # the image has one
    assert {"test", "interval", "timeout", "retries"} <= set(SERVICES["redis"]["healthcheck"])
    for role in ("worker", "webhooks"):
        assert {"test", "interval", "timeout", "retries"} <= set(SERVICES[role]["healthcheck"])


def test_webhooks_are_healthy_while_their_metrics_can_be_read():
    _, *check = SERVICES["webhooks"]["healthcheck"]["test"]
    command = [word.replace("$$", "$") for word in check]
    server, thread = start_http_server(0, "127.0.0.1")
    env = {"SUPERIMPOSE_METRICS_PORT": str(server.server_port), "PATH": os.environ["PATH"]}
    assert subprocess.run(command, env=env).returncode == 0
    server.shutdown()
    server.server_close()
    thread.join()
    assert subprocess.run(command, env=env, capture_output=True).returncode != 0


@pytest.mark.parametrize("role", OURS)
def test_our_services_wait_for_redis_and_are_restarted(role):
    assert SERVICES[role]["depends_on"] == {"redis": {"condition": "service_healthy"}}
    assert SERVICES[role]["restart"] == "unless-stopped"


@pytest.mark.parametrize("service", SERVICES)
def test_no_service_has_privileges_or_a_writable_root(service):
    given = SERVICES[service]
    assert given["read_only"] is True
    assert given["cap_drop"] == ["ALL"]
    assert given["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("role", OURS)
def test_our_services_have_a_small_tmp_and_write_no_core_files(role):
    assert SERVICES[role]["tmpfs"] == ["/tmp:size=64m,noexec,nosuid,nodev"]
    assert SERVICES[role]["ulimits"] == {"core": 0}


@pytest.mark.parametrize("service", SERVICES)
def test_no_service_can_use_up_the_host(service):
    assert {"pids_limit", "mem_limit"} <= SERVICES[service].keys()


@pytest.mark.parametrize("service", SERVICES)
def test_no_service_is_privileged_or_shares_a_namespace_of_the_host(service):
    assert not SERVICES[service].keys() & {
        "privileged",
        "devices",
        "pid",
        "ipc",
        "network_mode",
        "userns_mode",
    }
    of_the_host = [volume for volume in SERVICES[service]["volumes"] if volume.startswith(("/", "."))]
    assert all(re.fullmatch(r"\./observability(/\w+)?:/etc/.+:ro", volume) for volume in of_the_host)


def test_images_have_a_fixed_version():
    bases = [rest.split()[0] for name, rest in instructions() if name == "FROM"]
    pulled = [service["image"] for service in SERVICES.values() if "build" not in service]
    named = [*pulled, *(base for base in bases if ":" in base)]
    assert len(named) == 4
    assert all(re.search(r":v?\d+\.\d+", image) for image in named)


def test_monitoring_starts_only_when_asked_for():
    profiled = {name for name, service in SERVICES.items() if service.get("profiles") == ["observability"]}
    assert profiled == set(MONITORING)


@pytest.mark.parametrize("service", MONITORING)
def test_monitoring_has_a_health_check_no_redis_and_ports_only_on_loopback(service):
    given = SERVICES[service]
    assert given["networks"] == ["default"]
    assert all(port.startswith("127.0.0.1:") for port in given["ports"])
    assert {"test", "interval", "timeout", "retries"} <= set(given["healthcheck"])


def test_grafana_does_not_start_with_its_default_password():
    grafana = SERVICES["grafana"]
    assert grafana["environment"]["GF_SECURITY_ADMIN_PASSWORD"] == "${GRAFANA_PASSWORD:-}"
    assert grafana["environment"]["GF_AUTH_ANONYMOUS_ENABLED"] == "false"
    shell, option, start = grafana["entrypoint"]
    start = start.replace("$$", "$").replace("/run.sh", "echo started")
    for password, printed in (("", ""), ("chosen", "started\n")):
        env = {"GF_SECURITY_ADMIN_PASSWORD": password, "PATH": os.environ["PATH"]}
        ran = subprocess.run([shell, option, start], env=env, capture_output=True, text=True)
        assert (ran.stdout, ran.returncode) == (printed, 0 if printed else 2)


def test_prometheus_scrapes_the_metrics_of_the_stack():
    jobs = {job["job_name"]: job for job in MONITORED["scrape_configs"]}
    assert jobs["superimpose-api"]["static_configs"] == [{"targets": ["api:8000"]}]
    for role in ("worker", "webhooks"):
        (names,) = jobs[f"superimpose-{role}"]["dns_sd_configs"]
        assert names["names"] == [role]
        given = SERVICES[role]["environment"]
        assert given["SUPERIMPOSE_METRICS_PORT"] == f"${{SUPERIMPOSE_METRICS_PORT:-{names['port']}}}"
    assert SERVICES["api"]["environment"]["SUPERIMPOSE_METRICS"] == "${SUPERIMPOSE_METRICS:-true}"
    assert (ROOT / "observability" / MONITORED["rule_files"][0]).exists()


def test_every_variable_is_a_setting():
    files = ("Dockerfile", "docker-compose.yml", "docs/stack.md")
    text = "".join((ROOT / name).read_text() for name in files)
    named = set(re.findall(rf"\b{PREFIX}[A-Z_]+[A-Z]\b", text))
    assert named
    assert {name.removeprefix(PREFIX).lower() for name in named} <= {
        *Settings.model_fields,
        *OF_COMPOSE_ALONE,
    }


def test_every_setting_reaches_the_services():
    """A new setting needs a line under `x-settings` in docker-compose.yml, else `.env` cannot set it."""
    given: dict[str, Any] = SERVICES["worker"]["environment"]
    settings = {PREFIX + name.upper() for name in Settings.model_fields.keys() - FIXED_BY_THE_IMAGE}
    assert {name for name in given if name.startswith(PREFIX)} == settings
    assert SERVICES["api"]["environment"] == SERVICES["webhooks"]["environment"] == given
