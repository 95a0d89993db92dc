"""`superimpose batches`: an operator's commands over every key's batches."""

import io
import json
import zipfile
from pathlib import Path

import httpx
import obstore
import pytest
from PIL import Image
from redis import Redis

from jobs import keyspace
from jobs.config.settings import Settings
from jobs.keys.api_keys import ApiKeys
from jobs.lifecycle.transitions import Transitions
from jobs.pictures.store import PictureStore
from tests.stack import ON_LOOPBACK


@pytest.fixture
def service_redis(service):
    with Redis.from_url(service.env["SUPERIMPOSE_REDIS_URL"]) as redis:
        yield redis


@pytest.fixture
def shop(service, service_redis):
    """A client with its own key, and the id of the key."""
    created, key = ApiKeys(service_redis).create("agency")
    with httpx.Client(base_url=service.url, headers={"x-api-key": key}, timeout=60, **ON_LOOPBACK) as client:
        client.key_id = created.key_id
        yield client
    ApiKeys(service_redis).revoke(created.key_id)


@pytest.fixture
def ended(shop, service):
    """A finished batch with one FAILED request."""
    samples = f"{service.url}/samples"
    names = ("a/b", "../c", "bad")
    requests = [{"custom_id": name, "base_image": f"{samples}/cup.jpg"} for name in names]
    requests[2]["base_image"] = "aGVsbG8="
    answer = shop.post(
        "/v2/superimpose/batch",
        json={"defaults": {"overlay_image": f"{samples}/logo.png"}, "requests": requests},
    )
    assert answer.status_code == 200, answer.text
    batch_id = answer.json()["batch_id"]
    found = shop.get(f"/v2/batches/{batch_id}", params={"wait": 60}, timeout=70).json()
    assert found["status"] == "COMPLETED", found
    return batch_id


@pytest.fixture
def batches(superimpose):
    return lambda *arguments: superimpose("batches", *arguments)


def test_a_key_s_batches_are_listed_newest_first(batches, ended, shop, service):
    later = shop.post(
        "/v2/superimpose/batch",
        json={"requests": [dict.fromkeys(("base_image", "overlay_image"), f"{service.url}/samples/cup.jpg")]},
    ).json()["batch_id"]

    rows = [json.loads(line) for line in batches("list", "--key", shop.key_id, "--json").stdout.splitlines()]

    assert [row["batch_id"] for row in rows] == [later, ended]
    assert rows[1]["request_counts"] == {
        "total": 3,
        "queued": 0,
        "processing": 0,
        "completed": 2,
        "failed": 1,
    }
    (newest,) = batches("list", "--json", "--limit", "1").stdout.splitlines()
    assert json.loads(newest)["batch_id"] == later
    table = batches("list", "--key", "agency").stdout.splitlines()
    assert [row.split()[0] for row in table] == ["id", later, ended]
    assert "2/3" in table[2]
    assert max(map(len, table)) <= 80


def test_show_prints_a_batch_without_access_to_its_pictures(batches, ended, service_redis):
    text, shown = batches("show", ended).stdout, json.loads(batches("show", ended, "--json").stdout)

    assert (shown["status"], shown["cancelled"], shown["request_counts"]["failed"]) == (
        "COMPLETED",
        False,
        1,
    )
    assert "completed 2" in text
    archive = service_redis.hget(keyspace.batch(ended), "archive").decode()
    assert archive not in text + json.dumps(shown)


def test_results_are_a_line_for_each_request(batches, ended):
    lines = [json.loads(line) for line in batches("results", ended).stdout.splitlines()]

    assert {line["custom_id"]: line["status"] for line in lines} == {
        "a/b": "COMPLETED",
        "../c": "COMPLETED",
        "bad": "FAILED",
    }
    assert lines[0]["output"]["width"] == 600
    assert (lines[2]["code"], lines[2]["output"]) == ("invalid_image", None)


def test_pictures_are_saved_under_names_that_cannot_leave_the_folder(batches, ended, folder):
    answer = batches("results", ended, "--to", "out")

    assert answer.exit_code == 3
    assert {path.name for path in (folder / "out").iterdir()} == {"a_b.jpeg", "_c.jpeg"}
    assert "bad: base_image: not an image file" in answer.stderr
    assert "2 saved, 1 missing" in answer.stderr
    for path in (folder / "out").iterdir():
        with Image.open(path) as made:
            assert made.size == (600, 400)


def test_pictures_are_saved_as_a_zip(batches, ended, folder):
    assert batches("results", ended, "--zip", "out.zip").exit_code == 0

    with zipfile.ZipFile(folder / "out.zip") as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == 3
        assert b"bad: base_image" in archive.read("missing.txt")
        with Image.open(io.BytesIO(archive.read("a_b.jpeg"))) as made:
            assert made.size == (600, 400)


@pytest.mark.parametrize("option", ["--to", "--zip"])
def test_pictures_are_saved_without_asynchronous_calls_of_obstore(
    batches, ended, folder, monkeypatch, option
):
    """Their threads abort a process that exits just then, about one in four (PyO3/pyo3-async-runtimes#40)."""
    for name in [name for name in vars(obstore) if name.endswith("_async")]:
        monkeypatch.delattr(obstore, name)

    assert batches("results", ended, option, "out").exit_code in (0, 3)
    assert (folder / "out").exists()


def test_missing_pictures_and_expired_requests_are_listed(batches, ended, service):
    lines = [json.loads(line) for line in batches("results", ended).stdout.splitlines()]
    settings = Settings()
    redis = Redis.from_url(service.env["SUPERIMPOSE_REDIS_URL"])
    record = Transitions(redis, settings).read(lines[0]["request_id"])
    PictureStore.open(settings).delete([record.output.path])
    redis.delete(keyspace.request(lines[1]["request_id"]))

    answer = batches("results", ended, "--to", "out")

    assert answer.exit_code == 3
    assert "a/b: its picture no longer exists" in answer.stderr
    assert "../c: it has expired, or was deleted" in answer.stderr
    again = [json.loads(line) for line in batches("results", ended).stdout.splitlines()]
    assert again[1] == {
        "request_id": lines[1]["request_id"],
        "custom_id": "../c",
        "code": "expired",
        "error": "it has expired, or was deleted",
    }


def test_a_finished_batch_cannot_be_cancelled(batches, ended):
    answer = batches("cancel", ended)

    assert answer.exit_code == 1
    assert "has ended already and was not changed" in answer.stderr


def test_a_queued_batch_is_cancelled(batches, shop, service):
    samples = dict.fromkeys(("base_image", "overlay_image"), f"{service.url}/samples/cup.jpg")
    batch_id = shop.post("/v2/superimpose/batch", json={"requests": 300 * [samples]}).json()["batch_id"]

    answer = batches("cancel", batch_id)

    assert answer.exit_code == 0, answer.output
    assert f"{batch_id} is cancelled, " in answer.stdout
    shop.get(f"/v2/batches/{batch_id}", params={"wait": 60}, timeout=70)
    shown = json.loads(batches("show", batch_id, "--json").stdout)
    assert (shown["status"], shown["cancelled"]) == ("COMPLETED", True)
    assert shown["request_counts"]["failed"] > 0


@pytest.mark.parametrize("command", ["show", "cancel", "results"])
def test_an_unknown_batch_is_one_line(batches, command):
    answer = batches(command, "nobody")

    assert answer.exit_code == 1
    assert answer.stderr == "superimpose: there is no batch nobody: it never existed or has expired\n"


def test_a_folder_that_cannot_be_created_is_one_line(batches, ended, folder):
    (folder / "file").touch()

    answer = batches("results", ended, "--to", str(Path("file") / "out"))

    assert answer.exit_code == 1
    assert answer.stderr == "superimpose: file/out: Not a directory\n"


def test_a_folder_and_a_zip_contradict_each_other(batches, ended):
    assert "--to and --zip contradict each other" in batches(
        "results", ended, "--to", "a", "--zip", "b"
    ).stderr.replace("\n", " ")
