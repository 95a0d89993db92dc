"""What all commands share: one-line errors, `--version`, completion, a fast start."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, get_args

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from cli.main import app
from cli.parameters import NOT_OPTIONS, PANELS
from compositor import SuperimposeParams

ROOT = Path(__file__).parents[2]


def run(*arguments: str, **env: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env={"PATH": "/bin", **env}, cwd=ROOT)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["bogus"], "no such command 'bogus'"),
        (["run", "--overlay", "a.png"], "missing option '-o' / '--out'"),
        (["requests", "list", "--status", "DONE"], "'DONE' is not one of 'queued', 'processing'"),
    ],
)
def test_a_usage_error_is_one_line_and_exit_code_2(main, arguments, message):
    done = main(*arguments)

    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("superimpose: ")
    assert message in line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["requests", "list", "--status", "NOPE"], "'--status': 'NOPE' is not one of "),
        (["compose", "a.jpg", "b.png", "-o", "c.png", "--gravity", "x"], "'--gravity': 'x' is not one of "),
        (["requests", "list", "--limit", "0"], "'--limit': must be greater than or equal to 1 "),
        (["api", "--port", "abc"], "'--port': must be a valid integer "),
    ],
)
def test_a_wrong_option_is_reported_in_plain_words(main, arguments, message):
    done = main(*arguments)

    assert done.returncode == 2
    assert done.stderr.startswith(f"superimpose: invalid value for {message}")


def test_a_process_exits_with_the_code_of_its_command():
    done = run("bogus")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "superimpose: no such command 'bogus' (see --help)\n"


@pytest.mark.parametrize("arguments", [["requests", "list"], ["queue", "--once"], ["keys", "list"]])
@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "unix:///nowhere/redis.sock"])
def test_an_unreachable_redis_is_one_line_and_exit_code_4(main, arguments, url):
    done = main(*arguments, SUPERIMPOSE_REDIS_URL=url)

    assert done.returncode == 4
    (line,) = done.stderr.splitlines()
    assert line.startswith("superimpose: Redis cannot be reached")
    assert line.endswith("start it (`superimpose up`), or correct SUPERIMPOSE_REDIS_URL")


def commands(group: Any = None, *path: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """All commands with their words."""
    group = group or get_command(app)
    if not hasattr(group, "commands"):
        yield path, group
    for name, command in getattr(group, "commands", {}).items():
        yield from commands(command, *path, name)


@pytest.mark.parametrize(
    ("words", "command"), list(commands()), ids=lambda each: " ".join(each) if isinstance(each, tuple) else ""
)
def test_help_fits_into_80_columns(words, command):
    shown = CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": "80"}).stdout

    assert "…" not in shown
    for option in command.params:
        if option.param_type_name == "option" and not option.hidden:
            name, first_word = max(option.opts, key=len), option.help.split()[0]
            (line,) = re.findall(rf"^│ [* ] *{name} .*│$|^│ {name} .*│$", shown, re.MULTILINE)
            assert 0 < line.find(f" {first_word} ") < 50, line


@pytest.mark.parametrize("command", ["run", "compose"])
def test_help_has_the_range_and_default_of_each_parameter(main, command):
    shown = main(command, "--help", COLUMNS="200").stdout

    for panel in PANELS:
        assert f"─ {panel} ─" in shown
    for name, field in SuperimposeParams.model_fields.items():
        if name in NOT_OPTIONS or isinstance(field.default, bool):
            continue
        (line,) = re.findall(rf"^│ --{name.replace('_', '-')} (.*?)(?=^[│╰][ ─]-)", shown, re.M | re.S)
        message = " ".join(re.sub("[│╭╰].*[╮╯]|│", " ", line).split())
        assert field.default is None or f"default: {field.default}]" in message
        for word in get_args(field.annotation):
            assert not isinstance(word, str) or word in message
    assert "[above 0 to 16; default: 1]" in shown
    assert "[-1,000 to 1,000]" in shown
    assert "[1 to 100;" in shown


def test_the_version_is_that_of_the_package():
    assert run("--version").stdout == f"superimpose {version('superimpose')}\n"


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("superimpose requests list --status FA", ["FAILED"]),
        ("superimpose run --blend-mode color", ["color", "color-burn", "color-dodge"]),
        ("superimpose compose --image-format ", ["apng", "avif", "gif", "jpeg", "png", "webp"]),
    ],
)
def test_values_are_completed(main, typed, offered):
    shell = {
        "_SUPERIMPOSE_COMPLETE": "complete_bash",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(typed.count(" ")),
    }
    done = main(**shell)

    assert sorted(done.stdout.split()) == offered, done.stderr


def test_help_imports_nothing_that_only_some_commands_need():
    code = "import sys; import cli.main; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )

    heavy = {"redis", "httpx", "obstore", "numpy", "PIL", "fastapi", "uvicorn", "rq", "pydantic_settings"}
    assert heavy.isdisjoint(loaded.stdout.split())


def test_compose_and_keys_can_print_json(tmp_path, superimpose):
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


def test_the_version_imports_no_library():
    code = (
        "import sys; sys.argv = ['superimpose', '--version']\n"
        "from cli.__main__ import main; main(); print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    printed, loaded = done.stdout.splitlines()

    assert printed == f"superimpose {version('superimpose')}"
    assert {"typer", "pydantic", "rich"}.isdisjoint(loaded.split())
