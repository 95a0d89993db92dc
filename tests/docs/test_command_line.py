"""docs/command-line.md: it lists every command and every exit code."""

import re
from pathlib import Path

from cli.main import app
from cli.printing import ExitCode

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/command-line.md").read_text()


def test_every_command_and_every_exit_code_is_listed():
    listed = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE))))
    commands = {command.name or command.callback.__name__ for command in app.registered_commands}
    groups = {group.name for group in app.registered_groups}

    assert commands | groups <= listed
    assert set(re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)) == {
        "0",
        *(str(int(code)) for code in ExitCode),
    }
