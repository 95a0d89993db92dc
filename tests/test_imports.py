"""Imports follow the architecture, and the API process never loads a decoder."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SHIPPED = {"api", "cli", "compositor", "jobs", "telemetry", "webhooks", "worker"}
OURS = SHIPPED | {"benchmarks", "loadtest"}
MAY_IMPORT = {
    "api": {"api", "jobs", "compositor", "telemetry"},
    "jobs": {"jobs", "telemetry"},
    "worker": {"worker", "jobs", "compositor", "telemetry"},
    "webhooks": {"webhooks", "jobs", "telemetry"},
    "compositor": {"compositor"},
    "telemetry": {"telemetry"},
    "cli": SHIPPED,
    "benchmarks": SHIPPED | {"benchmarks", "loadtest"},
    "loadtest": {"loadtest", "benchmarks", "jobs"},
}
WITHOUT_DECODERS = {
    "OutputParams",
    "CompositorError",
    "DEFAULT_MODEL",
    "Limits",
    "MODELS",
    "identify",
    "with_model",
}


def imports(path: Path) -> list[tuple[str, str]]:
    """(module, name) of every import in a file."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found += [(node.module or "", alias.name) for alias in node.names]
    return found


@pytest.mark.parametrize("package", sorted(OURS))
def test_a_package_imports_only_what_it_may(package):
    files = list((ROOT / package).rglob("*.py"))
    assert files
    for path in files:
        for module, name in imports(path):
            top = module.partition(".")[0]
            if top in OURS | {"tests"}:
                assert top in MAY_IMPORT[package], f"{path} imports {module}"
            if package == "api" and top == "compositor":
                assert name in WITHOUT_DECODERS, f"{path} imports {module}.{name}"


def test_the_api_process_loads_no_decoder():
    code = (
        "import sys; from api.app import create_app; from jobs.config.settings import Settings;"
        "app = create_app(Settings()); app.openapi(); print(*sys.modules)"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )

    assert {"PIL", "numpy", "fpng"}.isdisjoint(loaded.stdout.split())


def test_no_module_shadows_the_standard_library():
    tops = {path.stem for path in ROOT.glob("*.py")} | {path.name for path in ROOT.iterdir() if path.is_dir()}

    assert tops.isdisjoint({"queue", "types", "logging"})


def test_importing_the_packages_reads_no_setting(monkeypatch):
    monkeypatch.setenv("SUPERIMPOSE_WORKERS", "not a number")
    code = "import api.app, cli.main, cli.serve.up, cli.serve.roles, jobs.config.settings, "
    code += "worker.tasks, worker.warm_worker, webhooks.run"

    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
