"""Builds kubernetes/ with kustomize, and finds things in the result."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

from jobs.config.settings import Settings
from tests.missing import missing

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "kubernetes"
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
API, WORKER, REDIS = "superimpose-api", "superimpose-worker", "superimpose-redis"
WEBHOOKS = "superimpose-webhooks"

Manifest = dict[str, Any]


def built(folder: Path) -> list[Manifest]:
    """The objects that `kubectl apply -k` would send."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        missing("no kubectl on PATH")
    build = subprocess.run([kubectl, "kustomize", folder], capture_output=True, text=True)
    assert (build.returncode, build.stderr) == (0, "")
    return list(yaml.safe_load_all(build.stdout))


def named(manifests: list[Manifest], kind: str, name: str) -> Manifest:
    (found,) = (each for each in manifests if each["kind"] == kind and each["metadata"]["name"] == name)
    return found


def pod(manifests: list[Manifest], name: str) -> Manifest:
    kind = "StatefulSet" if name == REDIS else "Deployment"
    spec: Manifest = named(manifests, kind, name)["spec"]["template"]["spec"]
    return spec


def container(manifests: list[Manifest], name: str) -> Manifest:
    (only,) = pod(manifests, name)["containers"]
    return only


def settings_of(manifests: list[Manifest]) -> dict[str, str]:
    """Values of the ConfigMap and of the containers' own variables."""
    (config,) = (each["data"] for each in manifests if each["kind"] == "ConfigMap")
    own = {
        each["name"]: each.get("value", "")
        for name in (API, WORKER, WEBHOOKS)
        for each in container(manifests, name)["env"]
    }
    return {name: value for name, value in {**config, **own}.items() if name.startswith("SUPERIMPOSE_")}


def settings(manifests: list[Manifest]) -> Settings:
    """The settings as the containers read them."""
    given = {
        name.removeprefix("SUPERIMPOSE_").lower(): value for name, value in settings_of(manifests).items()
    }
    return Settings(**{name: value for name, value in given.items() if value})


def in_bytes(quantity: str) -> int:
    return int(quantity[:-2]) * {"Mi": 1024**2, "Gi": 1024**3}[quantity[-2:]]
