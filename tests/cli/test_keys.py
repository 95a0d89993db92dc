"""`superimpose keys` against a running service."""

import httpx
import pytest
from typer.testing import CliRunner

from cli.main import app
from tests.stack import KEY


@pytest.fixture
def run(service, monkeypatch):
    for name, value in service.env.items():
        if name.startswith("SUPERIMPOSE_"):
            monkeypatch.setenv(name, value)
    return lambda *arguments: CliRunner().invoke(app, ["keys", *arguments])


@pytest.fixture
def credits(service):
    """Asks the service what a key has left."""

    def credits(key: str) -> httpx.Response:
        url = f"{service.url}/v1/get-user-credits"
        return httpx.get(url, headers={"x-api-key": key}, trust_env=False)

    return credits


def row(listed: str, key_id: str) -> list[str]:
    (found,) = (line.split() for line in listed.splitlines() if line.startswith(key_id))
    return found


def test_a_key_works_from_the_moment_it_is_made_until_it_is_revoked(run, credits):
    made = run("create", "shop")
    key, kept = made.stdout.strip(), made.stderr.split()[0]

    assert credits(key).json()["unlimited"] is True
    assert kept in run("list").stdout
    assert key not in run("list").stdout
    assert run("revoke", kept).exit_code == 0
    assert credits(key).status_code == 401
    assert kept not in run("list").stdout


def test_a_key_is_made_and_listed_with_what_it_may_do(run, credits):
    made = run(
        *("create", "shop", "--credits", "100", "--rate", "600/minute"),
        *("--scope", "superimpose", "--expires", "90d"),
    )
    key, kept = made.stdout.strip(), made.stderr.split()[0]

    assert credits(key).json() == {"credits": 100}
    listed = row(run("list").stdout, kept)
    assert listed[-4:] == ["0", "600/minute", "superimpose", "shop"]
    assert "100" in listed
    assert "never" not in listed, "it was used, and it expires"


def test_credits_are_added_and_taken(run, credits):
    made = run("create", "shop", "--credits", "5")
    key, kept = made.stdout.strip(), made.stderr.split()[0]

    assert "has 105 credits" in run("credit", kept, "+100").stdout
    assert "has 103 credits" in run("credit", kept, "-2").stdout
    assert credits(key).json() == {"credits": 103}
    refused = run("credit", kept, "-104")
    assert refused.exit_code == 1
    assert "fewer than 104 credits: none were taken" in refused.output


def test_a_rotated_key_keeps_its_old_text_for_a_while_or_not(run, credits):
    made = run("create", "shop")
    old, kept = made.stdout.strip(), made.stderr.split()[0]

    new = run("rotate", kept).stdout.strip()
    assert [credits(key).status_code for key in (old, new)] == [200, 200]
    newest = run("rotate", kept, "--overlap", "1s").stdout.strip()

    assert len({old, new, newest}) == 3
    assert credits(newest).status_code == 200


@pytest.mark.parametrize("command", [["revoke"], ["rotate"], ["credit"]])
def test_changing_an_unknown_key_says_so(run, command):
    answer = run(*command, "key_nobody", *(["+1"] if command == ["credit"] else []))

    assert answer.exit_code == 1
    assert "there is no key key_nobody" in answer.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["create", "shop", "--rate", "often"], "write 600/minute"),
        (["create", "shop", "--expires", "tomorrow"], "write 90d, 12h, 30m or 45s"),
        (["create", "shop", "--credits", "-1"], "greater than or equal to 0"),
        (["create", "shop", "--scope", "root"], "'superimpose', 'upload'"),
        (["create", "two\nlines"], "a name has 1 to 100 printable characters"),
        (["credit", "key_x", "many"], "write +100 or -100"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(run, arguments, said):
    answer = run(*arguments)

    assert answer.exit_code == 2
    assert said in " ".join(answer.output.replace("│", " ").split())


def test_the_key_of_the_settings_is_listed_by_name_only(run):
    listed = run("list").stdout

    assert " dev" in listed
    assert KEY not in listed
