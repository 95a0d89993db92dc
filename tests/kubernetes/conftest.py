"""The manifests as applied: base, examples, and the base with a volume instead of a bucket."""

import os

import pytest
import yaml

from tests.kubernetes.manifests import FOLDER, Manifest, built


@pytest.fixture(scope="module")
def base() -> list[Manifest]:
    return built(FOLDER / "base")


@pytest.fixture(scope="module")
def example() -> list[Manifest]:
    return built(FOLDER / "example")


@pytest.fixture(scope="module")
def with_operators() -> list[Manifest]:
    return built(FOLDER / "example-with-operators")


@pytest.fixture(scope="module")
def on_a_volume(tmp_path_factory) -> list[Manifest]:
    folder = tmp_path_factory.mktemp("overlay")
    component = {
        "resources": [str(FOLDER / "base")],
        "components": [str(FOLDER / "components/shared-volume")],
    }
    relative = {kind: [os.path.relpath(path, folder) for path in paths] for kind, paths in component.items()}
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(relative))
    return built(folder)
