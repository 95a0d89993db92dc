"""What holds for every command: errors are one line, `--version`, completion, a start that loads little."""

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*arguments: str, **env: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env={"PATH": "/bin", **env}, cwd=ROOT)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["bogus"], "no such command 'bogus'"),
        (["run", "--overlay", "a.png"], "missing option '-o' / '--out'"),
        (["requests", "list", "--status", "DONE"], "'DONE' is not one of 'queued', 'processing'"),
    ],
)
def test_a_mistake_is_one_line_and_2(arguments, said):
    done = run(*arguments)

    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("superimpose: ")
    assert said in line


@pytest.mark.parametrize("arguments", [["requests", "list"], ["queue", "--once"]])
def test_without_redis_it_is_one_line_and_4(arguments):
    done = run(*arguments, SUPERIMPOSE_REDIS_URL="redis://127.0.0.1:1/0")

    assert done.returncode == 4
    (line,) = done.stderr.splitlines()
    assert line.startswith("superimpose: Redis cannot be reached")


def test_the_version_is_the_packages():
    assert run("--version").stdout == f"superimpose {version('superimpose')}\n"


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("superimpose requests list --status FA", ["FAILED"]),
        ("superimpose run --blend-mode color", ["color", "color-burn", "color-dodge"]),
        ("superimpose compose --image-format ", ["avif", "jpeg", "png", "webp"]),
    ],
)
def test_values_are_completed(typed, offered):
    shell = {
        "_SUPERIMPOSE_COMPLETE": "complete_bash",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(typed.count(" ")),
    }
    code = "import sys; sys.argv = ['superimpose']; from cli.main import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=shell, cwd=ROOT)

    assert sorted(done.stdout.split()) == offered, done.stderr


def test_help_loads_nothing_that_only_some_commands_need():
    code = "import sys; import cli.main; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )

    heavy = {"redis", "httpx", "obstore", "numpy", "PIL", "fastapi", "uvicorn", "rq", "pydantic_settings"}
    assert heavy.isdisjoint(loaded.stdout.split())


def test_compose_and_keys_print_json_too(tmp_path, superimpose):
    made = json.loads(superimpose("compose", "cup.jpg", "logo.png", "-o", "a.webp", "--json").stdout)
    key = json.loads(superimpose("keys", "create", "shop", "--credits", "5", "--json").stdout)

    def keys(*arguments: str) -> dict[str, object]:
        return json.loads(superimpose("keys", *arguments, "--json").stdout.splitlines()[-1])

    assert (made["output"], made["content_type"], made["width"]) == ("a.webp", "image/webp", 600)
    assert (key["name"], key["credits"]) == ("shop", 5)
    assert key["key"].startswith("si_")
    assert keys("list")["key_id"] == key["key_id"]
    assert "key" not in keys("list")
    assert keys("credit", key["key_id"], "+5")["credits"] == 10
    assert keys("rotate", key["key_id"])["key"] != key["key"]
    assert keys("revoke", key["key_id"]) == {"key_id": key["key_id"], "revoked": True}
