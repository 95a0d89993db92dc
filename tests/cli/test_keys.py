"""`superimpose keys` against a running service."""

import json

import httpx
import pytest

from jobs import keyspace
from jobs.keys.api_key import KeyOptions
from jobs.keys.api_keys import ApiKeys
from jobs.keys.key_rules import Scope, digest
from jobs.keys.rates import Rate
from jobs.lifecycle.creation import NewRequest
from jobs.lifecycle.transitions import Transitions
from tests.cli.conftest import words
from tests.stack import KEY, ON_LOOPBACK


@pytest.fixture
def run(superimpose):
    return lambda *arguments: superimpose("keys", *arguments)


@pytest.fixture
def credits(service):
    """Returns the remaining credits of a key."""

    def credits(key: str) -> httpx.Response:
        url = f"{service.url}/v1/get-user-credits"
        return httpx.get(url, headers={"x-api-key": key}, **ON_LOOPBACK)

    return credits


def row(listed: str, key_id: str) -> list[str]:
    (found,) = (line.split() for line in listed.splitlines() if line.startswith(key_id))
    return found


def test_a_key_works_from_its_creation_until_it_is_revoked(run, credits):
    made = run("create", "shop")
    key, kept = made.stdout.strip(), made.stderr.split()[0]

    assert credits(key).json()["unlimited"] is True
    assert kept in run("list").stdout
    assert key not in run("list").stdout
    assert run("revoke", kept).exit_code == 0
    assert credits(key).status_code == 401
    assert kept not in run("list").stdout


def test_a_key_is_created_and_listed_with_its_options(run, credits):
    made = run(
        *("create", "shop", "--credits", "100", "--rate", "600/minute"),
        *("--scope", "superimpose", "--expires", "90d"),
    )
    key, kept = made.stdout.strip(), made.stderr.split()[0]

    assert credits(key).json() == {"credits": 100}
    listed = row(run("list").stdout, kept)
    assert listed[-3:] == ["100", "600/minute", "shop"]
    assert "never" not in listed, "it was used, and it expires"
    all_of_it = next(
        key for key in map(json.loads, run("list", "--json").stdout.splitlines()) if key["key_id"] == kept
    )
    assert (all_of_it["scopes"], all_of_it["spent"]) == (["superimpose"], 0)


def test_credits_are_added_and_taken(run, credits):
    made = run("create", "shop", "--credits", "5")
    key, kept = made.stdout.strip(), made.stderr.split()[0]

    assert "has 105 credits" in run("credit", kept, "+100").stdout
    assert "has 103 credits" in run("credit", kept, "-2").stdout
    assert credits(key).json() == {"credits": 103}
    refused = run("credit", kept, "-104")
    assert refused.exit_code == 1
    assert "fewer than 104 credits: none were taken" in refused.output


def test_a_rotated_key_accepts_its_old_secret_for_the_overlap(run, credits):
    made = run("create", "shop")
    old, kept = made.stdout.strip(), made.stderr.split()[0]

    new = run("rotate", kept).stdout.strip()
    assert [credits(key).status_code for key in (old, new)] == [200, 200]
    newest = run("rotate", kept, "--overlap", "1s").stdout.strip()

    assert len({old, new, newest}) == 3
    assert credits(newest).status_code == 200


@pytest.mark.parametrize("command", [["revoke"], ["rotate"], ["credit"]])
def test_changing_an_unknown_key_is_an_error(run, command):
    answer = run(*command, "key_nobody", *(["+1"] if command == ["credit"] else []))

    assert answer.exit_code == 1
    assert "there is no key key_nobody" in answer.output


def test_every_command_accepts_the_name_or_id_of_a_key(run, superimpose, service):
    kept = run("create", "a shop of its own").stderr.split()[0]

    assert kept in run("rotate", "a shop of its own").stderr
    assert "unlimited" in run("credit", "a shop of its own", "+1").output
    listed = superimpose("requests", "list", "--key", "a shop of its own", "--json")
    assert (listed.exit_code, listed.stdout) == (0, "")
    service.finish(service.submit(base_image=f"{service.url}/samples/cup.jpg", overlay_image="nonsense"))
    assert superimpose("requests", "list", "--key", "dev", "--json").stdout
    assert superimpose("requests", "list", "--key", "nobody").exit_code == 1
    assert kept in run("revoke", "a shop of its own").stdout
    assert superimpose("requests", "list", "--key", kept).exit_code == 0, "its requests may be there still"


def test_an_ambiguous_name_is_refused_with_the_ids(run):
    ids = [run("create", "twins").stderr.split()[0] for _ in range(2)]

    answer = run("revoke", "twins")

    assert answer.exit_code == 1
    assert all(each in answer.output for each in ids)
    assert [run("revoke", each).exit_code for each in ids] == [0, 0]


def test_keys_are_listed_in_a_table_like_requests(run, superimpose):
    run("create", "[bold]shop[/]")

    head, *rows = run("list").stdout.splitlines()

    assert " ".join(head.split()) == "id last used expires credits rate name"
    assert all(len(each) >= head.index("name") for each in rows)
    assert any(each.endswith("[bold]shop[/]") for each in map(str.rstrip, rows))
    assert run("revoke", "[bold]shop[/]").exit_code == 0


def test_a_list_fits_into_80_columns(run):
    limits = ("--credits", "1000000000", "--rate", "100000/minute", "--expires", "90d")
    kept = run("create", "name " * 20, *limits).stderr.split()[0]

    listed = run("list").stdout

    assert "1,000,000,000" in row(listed, kept)
    assert max(map(len, listed.splitlines())) <= 80
    assert run("revoke", kept).exit_code == 0


@pytest.fixture
def elsewhere(without_service):
    return lambda *arguments, **options: without_service("keys", *arguments, **options)


def test_an_export_has_no_secrets_and_its_import_restores_all_keys(elsewhere, redis, settings):
    keys = ApiKeys(redis)
    kept, old = keys.create("shop", KeyOptions(50, Rate(600, 60), (Scope.UPLOAD,), 3600))
    new = keys.rotate(kept.key_id, 600)
    keys.make_valid("dev", "chosen-in-settings")
    keys.make_valid("dev", "chosen-and-revoked")
    keys.revoke(keys.list()[-1].key_id)
    before, exported = keys.list(), elsewhere("export").stdout
    left_ms = redis.pttl(keyspace.key_digest(digest(old)))
    redis.flushdb()

    put_back = elsewhere("import", "-", input=exported)

    assert not any(text in exported for text in (old, new, "chosen-in"))
    assert put_back.exit_code == 0, put_back.output
    assert put_back.stdout.startswith(f"added 2: {kept.key_id}, ")
    assert ApiKeys(redis).list() == before
    for text in (old, new):
        assert redis.get(keyspace.key_digest(digest(text))).decode() == kept.key_id
    assert redis.pttl(keyspace.key_digest(digest(new))) == -1
    assert 0 < redis.pttl(keyspace.key_digest(digest(old))) <= left_ms
    assert not ApiKeys(redis).make_valid("dev", "chosen-and-revoked")
    assert elsewhere("import", "-", input=exported).stdout.splitlines()[-1].startswith("unchanged 2")


def test_credits_held_by_unfinished_requests_are_restored_to_the_key(elsewhere, redis, settings):
    kept, _ = ApiKeys(redis).create("shop", KeyOptions(5))
    Transitions(redis, settings).create(NewRequest("00000000-0000-4000-8000-000000000000", kept.key_id, {}))
    assert ApiKeys(redis).get(kept.key_id).held == 1
    exported = elsewhere("export").stdout
    redis.flushdb()

    elsewhere("import", "-", input=exported)

    restored = ApiKeys(redis).get(kept.key_id)
    assert (restored.credits, restored.held) == (5, 0)


def test_an_existing_key_that_differs_is_overwritten_only_on_request(elsewhere, redis, tmp_path):
    keys = ApiKeys(redis)
    kept, old = keys.create("shop", KeyOptions(5))
    (tmp_path / "keys.json").write_text(elsewhere("export").stdout)
    keys.add_credits(kept.key_id, 100)
    newer = keys.rotate(kept.key_id)
    redis.hset(keyspace.api_key(kept.key_id), "waiting", 3)
    file = str(tmp_path / "keys.json")

    refused = elsewhere("import", file)
    assert refused.exit_code == 1
    assert f"{kept.key_id} (shop)" in refused.output
    assert keys.get(kept.key_id).credits == 105
    assert (
        elsewhere("import", file, "--existing", "keep")
        .stdout.splitlines()[2]
        .startswith("kept as they are 1")
    )
    assert keys.get(kept.key_id).credits == 105

    shown = elsewhere("import", file, "--existing", "overwrite", "--json")

    assert json.loads(shown.stdout)["overwritten"] == [kept.key_id]
    assert keys.get(kept.key_id).credits == 5
    assert redis.get(keyspace.key_digest(digest(old))).decode() == kept.key_id
    assert redis.get(keyspace.key_digest(digest(newer))) is None
    assert redis.hget(keyspace.api_key(kept.key_id), "waiting") == b"3", "it is this Redis's own count"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "invalid JSON"),
        ('{"version": 2, "keys": []}', "version: must be 1"),
        ('{"keys": [{"key_id": "key_x"}]}', "keys.0.key_id: must match pattern"),
        ('{"keys": [], "more": 1}', "more: "),
    ],
)
def test_an_invalid_export_is_refused_with_the_place_of_the_error(elsewhere, redis, text, message):
    answer = elsewhere("import", "-", input=text)

    assert answer.exit_code == 2
    assert message.lower() in words(answer.output).lower()
    assert redis.dbsize() == 0


def test_a_secret_of_another_key_is_refused(elsewhere, redis):
    kept, _ = ApiKeys(redis).create("shop")
    exported = elsewhere("export").stdout.replace(kept.key_id, "key_000000000000")

    answer = elsewhere("import", "-", input=exported)

    assert answer.exit_code == 1
    assert kept.key_id in answer.output
    assert [key.key_id for key in ApiKeys(redis).list()] == [kept.key_id]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["create", "shop", "--rate", "often"], "write 600/minute"),
        (["create", "shop", "--expires", "tomorrow"], "write 90d, 12h, 30m or 45s"),
        (["create", "shop", "--credits", "-1"], "greater than or equal to 0"),
        (["create", "shop", "--scope", "root"], "'superimpose', 'upload'"),
        (["create", "two\nlines"], "a name has 1 to 100 printable characters"),
        (["credit", "key_x", "many"], "write +100 or -100"),
    ],
)
def test_invalid_values_are_refused_with_the_allowed_ones(run, arguments, message):
    answer = run(*arguments)

    assert answer.exit_code == 2
    assert message in words(answer.output)


def test_the_key_of_the_settings_is_listed_by_name_only(run):
    listed = run("list").stdout

    assert " dev" in listed
    assert KEY not in listed
