"""`superimpose run --base-dir`: each picture of a folder is rendered once, in batches or one by one."""

import fcntl
import io
import json
import shutil
from hashlib import sha256

import pytest
from PIL import Image

from cli.run.journal import NAME
from tests.cli.conftest import interrupted, words
from tests.cli.proxy import SUBMIT
from tests.origin import CUP

COMMAND = ("run", "--base-dir", "shirts", "--overlay", "logo.png", "-o", "out", "--scale-to", "0.5")
BATCH = f"{SUBMIT}/batch"


def shirt(number: int) -> bytes:
    """A picture that differs from the others."""
    out = io.BytesIO()
    Image.new("RGB", (40, 30), (number % 256, 100, 200)).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def shirts(folder):
    (folder / "shirts").mkdir()
    for number in range(6):
        (folder / "shirts" / f"{number}.png").write_bytes(shirt(number))
    (folder / "shirts" / "README.txt").write_text("no picture")
    return folder / "shirts"


@pytest.fixture(params=["--batch", "--no-batch"])
def way(request):
    return request.param


@pytest.fixture
def run(superimpose, shirts, way):
    return lambda *arguments: superimpose(*COMMAND, way, *arguments)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_each_picture_keeps_its_name_and_the_overlay_is_uploaded_once(run, proxy, folder):
    answer = run()

    assert answer.exit_code == 0, answer.output
    assert names(folder / "out") == [NAME, *(f"{number}.jpg" for number in range(6))]
    with Image.open(folder / "out/3.jpg") as made:
        assert made.size == (40, 30)
        assert max(abs(a - b) for a, b in zip(made.getpixel((38, 28)), (3, 100, 200), strict=True)) < 9
    assert proxy.asked.count("POST /upload-asset") == 1
    assert "6 made in" in answer.stderr


def test_a_second_run_renders_only_what_changed(run, proxy, folder, shirts):
    run()

    def made_now(*arguments: str) -> int:
        before = proxy.submitted
        assert run(*arguments).exit_code == 0
        return proxy.submitted - before

    assert made_now() == 0
    (folder / "out/1.jpg").unlink()
    assert made_now() == 1
    (shirts / "2.png").write_bytes(shirt(99))
    assert made_now() == 1
    assert made_now("--opacity", "0.5") == 6
    assert made_now("--opacity", "0.5") == 0
    (folder / "logo.png").write_bytes(CUP)
    assert made_now("--opacity", "0.5") == 6


def test_the_journal_has_the_recipe_of_each_picture(run, folder, shirts):
    run()

    lines = map(json.loads, (folder / "out" / NAME).read_text().splitlines())
    line = next(line for line in lines if "output" in line)
    assert line == {
        "output": line["output"],
        "base": f"sha256:{sha256((shirts / line['output']).with_suffix('.png').read_bytes()).hexdigest()}",
        "overlay": f"sha256:{sha256((folder / 'logo.png').read_bytes()).hexdigest()}",
        "mask": None,
        "parameters": {"scale_to": 0.5},
        "request_id": line["request_id"],
    }


def test_failures_are_listed_with_the_reason_and_the_others_rendered(run, shirts, folder):
    (shirts / "text.jpg").write_text("I am a text file")
    (shirts / "empty.jpg").touch()

    answer = run()

    assert answer.exit_code == 3
    assert "shirts/text.jpg: base_image: not an image file" in answer.stderr
    assert "shirts/empty.jpg: base_image: is empty" in answer.stderr
    assert "6 made, 2 failed in" in answer.stderr
    assert {"text.jpg", "empty.jpg"}.isdisjoint(names(folder / "out"))


def test_json_is_a_line_for_each_picture(run, shirts):
    run("--json")
    (shirts / "text.jpg").write_text("I am a text file")

    lines = [json.loads(line) for line in run("--json").stdout.splitlines()]

    assert sorted(line["status"] for line in lines) == ["FAILED"] + 6 * ["KEPT"]
    (failed,) = (line for line in lines if line["status"] == "FAILED")
    assert (failed["base"], failed["code"]) == ("shirts/text.jpg", "invalid_image")


@pytest.mark.parametrize("way", ["--no-batch"], indirect=True)
def test_an_interrupted_run_leaves_complete_pictures_and_can_continue(start, run, proxy, shirts, folder):
    for number in range(30):
        (shirts / f"{number}.png").write_bytes(shirt(number))
    process = start(*COMMAND, "--no-batch", "--concurrency", "2")
    proxy.await_calls(SUBMIT, 10)

    status, message = interrupted(process)
    left = [name for name in names(folder / "out") if name != NAME]

    assert status == 130, message
    assert "interrupted: run the same command again to continue" in message
    assert 0 < len(left) < 30
    assert all(name.endswith(".jpg") and not name.startswith(".") for name in left)
    for name in left:
        with Image.open(folder / "out" / name) as made:
            made.load()
    before = proxy.submitted
    assert run().exit_code == 0
    assert proxy.submitted - before == 30 - len(left)


def test_incomplete_pictures_are_rendered_again(run, proxy, folder, way):
    run()
    journal = folder / "out" / NAME
    whole = journal.read_text()
    journal.write_text(whole[: whole.rindex('"output"') + 40])
    (folder / "out" / ".superimpose-0123.part").write_bytes(b"half")

    before = proxy.submitted
    again = 0 if way == "--batch" else 1  # the batch was resumed
    assert run().exit_code == 0
    assert proxy.submitted == before + again
    assert run().exit_code == 0
    assert proxy.submitted == before + again
    assert not list((folder / "out").glob("*.part"))


def test_an_error_that_affects_every_picture_ends_the_run(run, proxy):
    refused = run("--key", "wrong")
    proxy.faults = {SUBMIT: [(406, {})], BATCH: [(406, {})]}
    broke = run("--concurrency", "1")

    assert refused.exit_code == 4
    assert "this API key is not valid" in refused.stderr
    assert broke.exit_code == 1
    assert proxy.asked.count(SUBMIT) + proxy.asked.count(BATCH) == 1
    assert "6 not started or given up" in broke.stderr


def test_a_full_disk_ends_the_run(run, folder):
    (folder / "out").mkdir()
    for number in range(6):
        (folder / "out" / f"{number}.jpg").symlink_to("/dev/full")

    answer = run()

    assert answer.exit_code == 1
    assert answer.stderr.endswith("No space left on device\n")


def test_if_uploads_are_refused_a_small_overlay_is_sent_inline(run, proxy):
    proxy.faults["POST /upload-asset"] = [(413, {})]

    assert run().exit_code == 0


def test_two_runs_cannot_write_to_one_folder(run, folder):
    run()

    with (folder / "out" / NAME).open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        answer = run()

    assert answer.exit_code == 1
    assert "another run writes to out" in answer.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--base-dir", "nowhere"), "'nowhere' is not a directory"),
        (("--base-dir", "empty"), "'empty' contains no pictures"),
        (("--base-dir", "twice"), "a.jpeg and a.jpg would both become a.jpg: rename one"),
        (("-o", "shirts"), "is --base-dir too"),
        (("-o", "logo.png"), "'logo.png' is not a directory"),
    ],
)
def test_invalid_folders_are_refused(run, folder, arguments, message):
    (folder / "empty").mkdir()
    (folder / "twice").mkdir()
    for name in ("a.jpg", "a.jpeg"):
        shutil.copy(folder / "cup.jpg", folder / "twice" / name)

    answer = run(*arguments)

    assert answer.exit_code == 2
    assert message in words(answer.stderr)
