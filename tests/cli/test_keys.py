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


def test_a_key_works_from_the_moment_it_is_made_until_it_is_revoked(run, service):
    made = run("create", "shop")
    key, kept = made.stdout.strip(), made.stderr.split()[0]

    def status() -> int:
        answer = httpx.get(f"{service.url}/v2/requests/x", headers={"x-api-key": key}, trust_env=False)
        return answer.status_code

    assert status() == 404
    assert f"{kept}" in run("list").stdout
    assert key not in run("list").stdout
    assert run("revoke", kept).exit_code == 0
    assert status() == 401
    assert kept not in run("list").stdout


def test_revoking_an_unknown_key_says_so(run):
    answer = run("revoke", "key_nobody")

    assert answer.exit_code == 1
    assert "there is no key key_nobody" in answer.output


def test_the_key_of_the_settings_is_listed_by_name_only(run):
    listed = run("list").stdout

    assert " dev" in listed
    assert KEY not in listed
