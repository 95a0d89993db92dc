"""`superimpose requests`: an operator's commands over every key's requests."""

import base64
import json
import re

import pytest

from jobs import keyspace
from jobs.config.settings import Settings
from jobs.keys.api_keys import ApiKeys, KeyOptions
from jobs.lifecycle.deadlines import Deadlines
from jobs.lifecycle.moves import Failure
from jobs.lifecycle.status import FailureCode
from jobs.lifecycle.transitions import Transitions
from jobs.pictures.store import PictureStore
from jobs.submission import SubmitCommand
from tests.asking import accept, claim_request
from tests.origin import LOGO
from tests.way import Way

URL = "https://shop.example/cup.jpg"
INLINE = f"data:image/png;base64,{base64.b64encode(LOGO).decode()}"
BROKEN = Failure(FailureCode.INTERNAL, "broken")


@pytest.fixture
def settings(redis, redis_socket, tmp_path, monkeypatch) -> Settings:
    """Of a service whose workers and API do not run, for the command line too."""
    monkeypatch.setenv("SUPERIMPOSE_REDIS_URL", f"unix://{redis_socket}?db=1")
    monkeypatch.setenv("SUPERIMPOSE_DATA_DIR", str(tmp_path / "data"))
    return Settings()


@pytest.fixture
def store(settings):
    return PictureStore.open(settings)


@pytest.fixture
def transitions(redis, settings):
    return Transitions(redis, settings)


@pytest.fixture
def submit(redis, settings, store, key_id):
    """Submits as the API does; returns the id."""

    def submit(owner: str = key_id, **params: str) -> str:
        asked = {"base_image": f"{URL}?token=secret", "overlay_image": INLINE, **params}
        deadlines = Deadlines(settings.start_timeout_s, 45)
        made = accept(settings, SubmitCommand(owner, asked, "http://here", deadlines), store)
        return made.request_id

    return submit


@pytest.fixture
def requests(settings):
    from typer.testing import CliRunner

    from cli.main import app

    return lambda *arguments: CliRunner().invoke(app, ["requests", *arguments])


def listed(answer) -> list[str]:
    return [json.loads(line)["request_id"] for line in answer.stdout.splitlines()]


def test_the_newest_come_first_and_can_be_chosen(requests, submit, redis, transitions, settings):
    other = ApiKeys(redis).create("other")[0].key_id
    ids = [submit(), submit(), submit(other)]
    for age, request_id in enumerate(ids):
        redis.hincrby(keyspace.request(request_id), "created_at", age)
    transitions.cancel(ids[0], BROKEN)

    assert listed(requests("list", "--json")) == ids[::-1]
    assert listed(requests("list", "--json", "--limit", "2")) == ids[:0:-1]
    assert listed(requests("list", "--json", "--status", "failed")) == [ids[0]]
    assert listed(requests("list", "--json", "--key", other)) == [ids[2]]
    table = requests("list").stdout.splitlines()
    assert [row.split()[0] for row in table] == ["id", *ids[::-1]]
    assert table[3].split()[2:4] == ["FAILED", "internal"]
    assert max(map(len, table)) <= 80


def test_a_list_looks_at_so_many_keys_and_says_so(requests, submit, redis_socket, monkeypatch):
    submit()
    with Way(redis_socket).serving() as way:
        way.rewritten = lambda answer: re.sub(rb"^\*2\r\n\$1\r\n0", rb"*2\r\n$1\r\n8", answer)  # SCAN goes on
        monkeypatch.setenv("SUPERIMPOSE_REDIS_URL", f"redis://127.0.0.1:{way.port}/1")

        assert "which is not all: there may be newer ones" in requests("list").stderr


def test_all_of_a_request_is_shown_but_for_what_may_be_a_secret(requests, submit, transitions):
    request_id = submit(opacity=0.5)
    claim_request(transitions, request_id)

    text, told = (
        requests("show", request_id).stdout,
        json.loads(requests("show", request_id, "--json").stdout),
    )

    assert told["parameters"] == {
        "base_image": f"{URL}?...",
        "overlay_image": "in the store, among inputs",
        "opacity": 0.5,
    }
    assert (told["status"], told["attempts"], told["timeout_s"]) == ("PROCESSING", 1, 45)
    assert told["created_at"] <= told["started_at"]
    for part in (request_id, "PROCESSING", f"base_image {URL}?...", "opacity 0.5"):
        assert part in text
    assert "secret" not in text


def test_a_cancelled_request_has_failed_and_cannot_be_cancelled_again(requests, submit, transitions):
    request_id = submit()

    assert f"{request_id} is cancelled, it was QUEUED" in requests("cancel", request_id).stdout
    assert transitions.read(request_id).code == FailureCode.CANCELLED
    again = requests("cancel", request_id)
    assert again.exit_code == 1
    assert "has ended already" in again.stderr


def test_a_request_that_failed_is_submitted_again_with_inputs_that_last(
    requests, submit, transitions, store, key_id
):
    first = submit(rotation=90)
    kept = transitions.read(first).params["overlay_image"]
    claim_request(transitions, first)
    transitions.fail(first, 1, BROKEN, {})

    again = requests("retry", first).stdout.strip()

    record = transitions.read(again)
    assert (record.status, record.key_id) == ("QUEUED", key_id)
    assert record.params == {
        "base_image": f"{URL}?token=secret",
        "overlay_image": record.params["overlay_image"],
        "rotation": 90,
    }
    assert record.params["overlay_image"] != kept
    assert store.get(record.params["overlay_image"].removeprefix("store:")) == LOGO
    assert claim_request(transitions, again).left_s == pytest.approx(45, abs=5)


def test_what_cannot_be_submitted_again_says_why(requests, submit, transitions, store, redis):
    waiting, gone, long = submit(), submit(), submit(base_image=f"{URL}?{'a' * 2000}")
    poor = ApiKeys(redis).create("poor", KeyOptions(credits=1))[0].key_id
    spent, revoked = submit(poor), submit()
    store.delete([transitions.read(gone).params["overlay_image"].removeprefix("store:")])
    for request_id in (gone, long, spent, revoked):
        transitions.cancel(request_id, BROKEN)
    ApiKeys(redis).add_credits(poor, -1)

    def why(request_id: str) -> str:
        answer = requests("retry", request_id)
        assert (answer.exit_code, answer.stdout) == (1, "")
        return answer.stderr

    assert f"{waiting} is QUEUED: cancel it first" in why(waiting)
    assert "its overlay_image is not there any more" in why(gone)
    assert "was not kept: of a FAILED request it is up to 1,024 bytes" in why(long)
    assert "its key has 0 credits and needs 1" in why(spent)
    ApiKeys(redis).revoke(transitions.read(revoked).key_id)
    assert "its key was revoked" in why(revoked)


@pytest.mark.parametrize("command", ["show", "cancel", "retry"])
def test_an_unknown_request_is_one_line(requests, command):
    answer = requests(command, "nobody")

    assert answer.exit_code == 1
    assert answer.stderr == "superimpose: there is no request nobody: it never existed or has expired\n"
