"""`superimpose requests`: an operator's commands over every key's requests."""

import base64
import json
from uuid import uuid4

import pytest

from jobs import keyspace
from jobs.keys.api_key import KeyOptions
from jobs.keys.api_keys import ApiKeys
from jobs.lifecycle.creation import Deadlines, NewRequest
from jobs.lifecycle.moves import Failure
from jobs.lifecycle.options import RequestOptions
from jobs.lifecycle.status import FailureCode
from jobs.lifecycle.transitions import Transitions
from jobs.pictures.store import PictureStore
from jobs.queries.listing import PAGE
from jobs.submission import SubmitCommand
from tests.asking import accept, claim_request
from tests.origin import LOGO

URL = "https://shop.example/cup.jpg"
INLINE = f"data:image/png;base64,{base64.b64encode(LOGO).decode()}"
BROKEN = Failure(FailureCode.INTERNAL, "broken")


@pytest.fixture
def store(settings):
    return PictureStore.open(settings)


@pytest.fixture
def transitions(redis, settings):
    return Transitions(redis, settings)


@pytest.fixture
def submit(redis, settings, store, key_id):
    """Submits a request as the API does; returns its id."""

    def submit(owner: str = key_id, **params: str) -> str:
        asked = {"base_image": f"{URL}?token=secret", "overlay_image": INLINE, **params}
        deadlines = Deadlines(settings.start_timeout_s, 45)
        made = accept(settings, SubmitCommand(owner, asked, "http://here", deadlines), store)
        return made.request_id

    return submit


@pytest.fixture
def requests(without_service):
    return lambda *arguments: without_service("requests", *arguments)


def listed(answer) -> list[str]:
    return [json.loads(line)["request_id"] for line in answer.stdout.splitlines()]


def test_requests_are_listed_newest_first_and_can_be_filtered(requests, submit, redis, transitions, settings):
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


def test_more_than_one_page_can_be_listed(requests, submit, transitions, redis, key_id):
    other = ApiKeys(redis).create("other")[0].key_id
    ids = [str(uuid4()) for _ in range(PAGE + 20)]
    for number, request_id in enumerate(ids):
        transitions.create(NewRequest(request_id, other if number % 3 else key_id, {}))
        redis.hset(keyspace.request(request_id), "created_at", number)

    assert listed(requests("list", "--json", "--limit", "1000")) == ids[::-1]


def test_requests_are_found_by_custom_id(requests, transitions, redis, key_id):
    for number, name in enumerate(("a", "b", "a")):
        options = RequestOptions(custom_id=name)
        transitions.create(NewRequest(f"request-{number}", key_id, {}, options=options))

    assert listed(requests("list", "--json", "--custom-id", "a")) == ["request-2", "request-0"]
    assert json.loads(requests("show", "request-1", "--json").stdout)["custom_id"] == "b"


def test_requests_of_a_revoked_key_are_found_by_its_id(requests, submit, redis, key_id):
    request_id = submit()
    ApiKeys(redis).revoke(key_id)

    assert listed(requests("list", "--json", "--key", key_id)) == [request_id]
    assert listed(requests("list", "--json")) == []


def test_a_finished_request_is_deleted(requests, submit, transitions, store):
    request_id = submit()
    path = transitions.read(request_id).params["overlay_image"].removeprefix("store:")
    waiting = requests("delete", request_id)
    transitions.cancel(request_id, BROKEN)

    assert waiting.exit_code == 1
    assert "has not ended and was not deleted: cancel it first, or wait for its end" in waiting.stderr
    assert requests("delete", request_id).stdout == f"{request_id} is deleted\n"
    assert transitions.read(request_id) is None
    with pytest.raises(FileNotFoundError):
        store.get(path)


def test_every_field_of_a_request_is_shown_except_possible_secrets(requests, submit, transitions):
    request_id = submit(opacity=0.5)
    claim_request(transitions, request_id)

    text, shown = (
        requests("show", request_id).stdout,
        json.loads(requests("show", request_id, "--json").stdout),
    )

    assert shown["parameters"] == {
        "base_image": f"{URL}?...",
        "overlay_image": "in the store, among inputs",
        "opacity": 0.5,
    }
    assert (shown["status"], shown["attempts"], shown["timeout_s"]) == ("PROCESSING", 1, 45)
    assert shown["created_at"] <= shown["started_at"]
    for part in (request_id, "PROCESSING", f"base_image {URL}?...", "opacity 0.5"):
        assert part in text
    assert "secret" not in text


def test_a_cancelled_request_is_failed_and_cannot_be_cancelled_again(requests, submit, transitions):
    request_id = submit()

    assert f"{request_id} is cancelled, it was QUEUED" in requests("cancel", request_id).stdout
    assert transitions.read(request_id).code == FailureCode.CANCELLED
    again = requests("cancel", request_id)
    assert again.exit_code == 1
    assert "has ended already and was not changed" in again.stderr


def test_a_failed_request_is_resubmitted_with_its_own_copy_of_the_inputs(
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


def test_a_request_that_cannot_be_resubmitted_is_refused_with_the_reason(
    requests, submit, transitions, store, redis
):
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
    assert "its overlay_image is no longer stored" in why(gone)
    assert "are no longer stored: a FAILED request keeps only those of up to 1,024 bytes" in why(long)
    assert "its key has 0 credits and needs 1" in why(spent)
    ApiKeys(redis).revoke(transitions.read(revoked).key_id)
    assert "its key was revoked" in why(revoked)


@pytest.mark.parametrize("command", ["show", "cancel", "retry", "delete"])
def test_an_unknown_request_is_one_line(requests, command):
    answer = requests(command, "nobody")

    assert answer.exit_code == 1
    assert answer.stderr == "superimpose: there is no request nobody: it never existed or has expired\n"
