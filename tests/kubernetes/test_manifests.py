"""The manifests of kubernetes/ are valid and consistent."""

import kubernetes_validate
import pytest
import yaml

from api.app import create_app
from cli.serve.roles import SPARE_S
from jobs.config.settings import Settings
from tests.kubernetes.manifests import (
    API,
    COMPOSE,
    FOLDER,
    REDIS,
    ROOT,
    WEBHOOKS,
    WORKER,
    container,
    in_bytes,
    named,
    pod,
    settings,
    settings_of,
)

VERSION = "1.37"
OPERATORS = {"keda.sh/v1alpha1", "monitoring.coreos.com/v1"}  # their schemas are not those of Kubernetes


def test_the_manifests_are_valid(base, example, on_a_volume, with_operators):
    own = [each for each in with_operators if each["apiVersion"] not in OPERATORS]
    different = {yaml.safe_dump(each): each for each in (*base, *example, *on_a_volume, *own)}
    for manifest in different.values():
        kubernetes_validate.validate(manifest, VERSION, strict=True)


def test_objects_of_operators_are_only_in_their_overlay(base, example, on_a_volume, with_operators):
    assert {each["apiVersion"] for each in with_operators} >= OPERATORS
    assert OPERATORS.isdisjoint(each["apiVersion"] for each in (*base, *example, *on_a_volume))


def test_every_file_is_part_of_a_build():
    used = {
        (path.parent / resource).resolve()
        for path in FOLDER.rglob("kustomization.yaml")
        for resource in yaml.safe_load(path.read_text()).get("resources", [])
    }
    files = {path.resolve() for path in FOLDER.rglob("*.yaml") if path.name != "kustomization.yaml"}
    assert files <= used


def test_selectors_find_pods(example):
    labels = [
        each["spec"]["template"]["metadata"]["labels"]
        for each in example
        if each["kind"] in ("Deployment", "StatefulSet")
    ]
    for each in example:
        spec = each.get("spec", {})
        selector = spec.get("podSelector") or spec.get("selector") or {}
        wanted = selector.get("matchLabels", selector)
        assert not wanted or any(wanted.items() <= each.items() for each in labels), each["metadata"]["name"]


def test_every_variable_is_a_setting(example):
    names = {name.removeprefix("SUPERIMPOSE_").lower() for name in settings_of(example)}
    assert names
    assert names <= set(Settings.model_fields)


def test_the_settings_are_valid(example, on_a_volume):
    assert settings(example).storage_url == "s3://my-bucket/superimpose"
    assert settings(on_a_volume).effective_storage_url.startswith("file://")


def test_probes_use_paths_and_ports_that_exist(base):
    paths = {getattr(route, "path", "") for route in create_app(settings(base)).routes}
    for name in (API, WORKER, WEBHOOKS):
        given = container(base, name)
        ports = {port["name"] for port in given["ports"]}
        probes = [given[probe]["httpGet"] for probe in given if "httpGet" in given[probe]]
        assert probes
        assert all(each["path"] in paths and each["port"] in ports for each in probes)


@pytest.mark.parametrize("name", [WORKER, WEBHOOKS])
def test_roles_without_an_api_declare_their_metrics_port(base, name):
    (port,) = container(base, name)["ports"]
    assert settings_of(base)["SUPERIMPOSE_METRICS_PORT"] == str(port["containerPort"])


def test_the_startup_of_a_worker_is_checked_as_in_the_stack(base):
    check = container(base, WORKER)["startupProbe"]["exec"]["command"]
    assert ["CMD", *check] == COMPOSE["worker"]["healthcheck"]["test"]


def test_stopping_waits_for_running_jobs_and_open_responses(base):
    given = settings(base)
    for name in (WORKER, WEBHOOKS):
        assert pod(base, name)["terminationGracePeriodSeconds"] > given.drain_timeout_s + SPARE_S
    _, pause_s = container(base, API)["lifecycle"]["preStop"]["exec"]["command"]
    needed = int(pause_s) + given.sync_timeout_s + SPARE_S
    assert pod(base, API)["terminationGracePeriodSeconds"] > needed


def test_a_worker_has_enough_memory_for_its_jobs(base):
    given = settings(base)
    limit = in_bytes(container(base, WORKER)["resources"]["limits"]["memory"])
    assert limit >= given.workers * given.job_memory_bytes


@pytest.mark.parametrize("name", [API, WORKER, WEBHOOKS, REDIS])
def test_no_container_has_privileges_a_writable_root_or_a_token(base, name):
    spec, inside = pod(base, name), container(base, name)
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] > 0
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert (spec["automountServiceAccountToken"], spec["enableServiceLinks"]) == (False, False)
    assert inside["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"requests", "limits"} <= inside["resources"].keys()


def test_secrets_are_referenced_and_not_written_down(example):
    assert not [each for each in example if each["kind"] == "Secret"]
    for name in (API, WORKER, WEBHOOKS, REDIS):
        for variable in container(example, name)["env"]:
            if any(word in variable["name"] for word in ("PASSWORD", "KEY", "SECRET")):
                assert variable["valueFrom"]["secretKeyRef"]["name"] == "superimpose"


def test_only_roles_that_sign_events_have_the_master_secret(base):
    holders = {
        name
        for name in (API, WORKER, WEBHOOKS)
        if "SUPERIMPOSE_WEBHOOK_SECRET" in {each["name"] for each in container(base, name)["env"]}
    }
    assert holders == {API, WEBHOOKS}


def test_scaling_is_left_to_keda(with_operators, base):
    assert "replicas" not in named(with_operators, "Deployment", WORKER)["spec"]
    assert "replicas" in named(base, "Deployment", WORKER)["spec"]
    assert named(with_operators, "ScaledObject", WORKER)["spec"]["scaleTargetRef"]["name"] == WORKER


def test_metrics_have_the_job_names_of_the_rules(with_operators):
    monitors = [each for each in with_operators if each["kind"] == "PodMonitor"]
    rules = (ROOT / "observability/alerts.yml").read_text()
    for monitor in monitors:
        name = monitor["metadata"]["name"]
        (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
        assert endpoint["relabelings"] == [{"targetLabel": "job", "replacement": name}]
        assert endpoint["port"] in {port["name"] for port in container(with_operators, name)["ports"]}
    assert f'job="{API}"' in rules
    assert {each["metadata"]["name"] for each in monitors} == {API, WORKER, WEBHOOKS}
