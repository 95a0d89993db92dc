"""`superimpose run`: one picture on a server."""

import io
import json

import pytest
from PIL import Image

from cli.client.inputs import INLINE_BYTES
from jobs.pictures.inputs import sample_bytes
from tests.cli.conftest import interrupted, words
from tests.origin import CUP

PLACED = ("--rescale-factor", "0.33", "--x-offset", "430", "--y-offset", "235")
SUBMIT = "POST /v2/superimpose"


@pytest.fixture
def run(superimpose):
    return lambda *arguments: superimpose("run", "--overlay", "logo.png", "-o", "out.png", *arguments)


def parts(folder):
    return list(folder.glob(".superimpose-*"))


def test_files_are_sent_and_the_picture_equals_that_of_compose(run, superimpose, folder):
    answer = run("--base", "cup.jpg", *PLACED)
    superimpose("compose", "cup.jpg", "logo.png", "-o", "same.png", *PLACED)

    assert answer.exit_code == 0, answer.output
    assert (folder / "out.png").read_bytes() == (folder / "same.png").read_bytes()
    assert "out.png: png, 600 x 400" in answer.stdout
    assert [line.split()[0] for line in answer.stderr.splitlines()][:2] == ["uploading", "QUEUED"]
    assert "COMPLETED in" in answer.stderr
    assert parts(folder) == []


def test_a_dash_is_stdout_and_messages_go_to_stderr(superimpose):
    answer = superimpose("run", "--overlay", "logo.png", "-o", "-", "--base", "cup.jpg")

    assert answer.exit_code == 0, answer.output
    with Image.open(io.BytesIO(answer.stdout_bytes)) as made:
        assert (made.format, made.size) == ("JPEG", (600, 400))
    assert "-: jpeg, 600 x 400" in answer.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--base", "cup.jpg", "-o", "a.tiff"),
            "'a.tiff' does not have the suffix of an output format: .jpg,",
        ),
        (("--base", "cup.jpg", "-o", "-", "--json"), "both print to stdout"),
        (("--base-dir", ".", "-o", "-"), "give a folder"),
    ],
)
def test_an_output_that_cannot_be_written_is_refused_before_anything_is_sent(
    superimpose, proxy, folder, arguments, message
):
    answer = superimpose("run", "--overlay", "logo.png", *arguments)

    assert answer.exit_code == 2
    assert message in words(answer.output)
    assert proxy.asked == []


def test_urls_are_passed_on_and_a_mask_is_applied(run, folder, service, origin):
    Image.new("L", (8, 8)).save(folder / "black.png")

    assert run("--base", f"{origin.url}/cup.jpg", "--mask", "black.png").exit_code == 0

    with Image.open(folder / "out.png") as made, Image.open(io.BytesIO(sample_bytes("cup.jpg"))) as cup:
        middle = cup.convert("RGB").getpixel((20, 20))
        assert (
            max(abs(a - b) for a, b in zip(made.convert("RGB").getpixel((20, 20)), middle, strict=True)) <= 2
        )
    assert "/cup.jpg" in origin.asked


def test_a_large_file_is_uploaded(run, proxy, folder):
    with (folder / "cup.jpg").open("ab") as cup:
        cup.write(bytes(INLINE_BYTES))

    answer = run("--base", "cup.jpg")

    assert answer.exit_code == 0, answer.output
    assert proxy.asked.count("POST /upload-asset") == 1


def test_json_is_one_object_that_describes_the_picture(run):
    shown = json.loads(run("--base", "cup.jpg", "--json").stdout)

    assert (shown["status"], shown["output"], shown["width"], shown["height"]) == (
        "COMPLETED",
        "out.png",
        600,
        400,
    )
    assert shown["content_type"] == "image/png"
    assert {"queue_time", "total_time", "encode"} <= shown["metrics"].keys()


def test_a_failed_request_is_exit_code_3_with_the_reason_and_leaves_no_file(run, folder):
    (folder / "text.jpg").write_text("I am a text file")

    failed = run("--base", "text.jpg")
    as_json = run("--base", "text.jpg", "--json")

    assert failed.exit_code == as_json.exit_code == 3
    assert "FAILED: base_image: not an image file" in failed.stderr
    assert json.loads(as_json.stdout)["code"] == "invalid_image"
    assert not (folder / "out.png").exists()
    assert parts(folder) == []


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("--base", "cup.jpg", "--key", "wrong"), 4, "this API key is not valid"),
        (("--base", "https://me:secret@shop.example/a.jpg"), 2, "--base: has a user name in it"),
        (("--base", "nothing.jpg"), 2, "'nothing.jpg' does not exist: give a file or a URL"),
        (
            ("--base", "cup.jpg", "--opacity", "3"),
            2,
            "--opacity: 3.0 is not allowed: must be less than or equal to 1",
        ),
        (("--base", "cup.jpg", "--invert-mask"), 2, "invert_mask without mask"),
        (
            ("--base", "cup.jpg", "--image-format", "webp"),
            2,
            "'out.png' is named as a png and --image-format",
        ),
        (("--base", "cup.jpg", "-o", "nowhere/out.png"), 2, "is in a directory that does not exist"),
        (("--base", "cup.jpg", "--base-dir", "."), 2, "give --base for one picture, or --base-dir"),
        (("--base", "cup.jpg", "--server", "shop.example"), 2, "must be http(s)://HOST:PORT"),
        (
            ("--base", "cup.jpg", "--server", "http://127.0.0.1:1"),
            4,
            "cannot be reached: start it",
        ),
    ],
)
def test_errors_are_reported_with_their_exit_codes(run, folder, arguments, status, message):
    answer = run(*arguments)

    assert answer.exit_code == status
    assert message in words(answer.stderr)
    assert "secret" not in answer.output
    assert not (folder / "out.png").exists()


def test_the_key_of_up_is_only_sent_to_this_machine(run, folder, monkeypatch):
    monkeypatch.delenv("SUPERIMPOSE_API_KEY")
    monkeypatch.delenv("SUPERIMPOSE_DATA_DIR")
    (folder / "data").mkdir()
    (folder / "data" / "dev-api-key").write_text("kept-key")

    here, elsewhere = run("--base", "cup.jpg"), run("--base", "cup.jpg", "--server", "http://shop.example")

    assert "this API key is not valid" in here.stderr
    assert "no API key: set SUPERIMPOSE_API_KEY" in " ".join(elsewhere.stderr.split())
    assert "kept-key" not in here.output


def test_a_submit_repeated_after_a_lost_response_is_the_same_request(run, proxy, superimpose):
    proxy.faults[SUBMIT] = ["lost"]
    before = len(superimpose("requests", "list", "--json", "--limit", "9999").stdout.splitlines())

    answer = run("--base", "cup.jpg")

    assert answer.exit_code == 0, answer.output
    assert proxy.asked.count(SUBMIT) == 2
    assert "the server does not answer, trying again" in answer.stderr
    after = len(superimpose("requests", "list", "--json", "--limit", "9999").stdout.splitlines())
    assert after == before + 1


def test_a_redirect_of_a_picture_to_a_bucket_is_followed(run, proxy, folder, origin):
    proxy.faults["GET /pictures"] = [(307, {"Location": f"{origin.url}/cup.jpg"})]

    assert run("--base", "cup.jpg").exit_code == 0
    assert (folder / "out.png").read_bytes() == CUP


def test_another_kind_of_server_is_recognised(run, origin):
    answer = run("--base", "cup.jpg", "--server", origin.url)

    assert answer.exit_code == 4
    assert "is --server the address of this service?" in answer.stderr


def test_ctrl_c_cancels_the_request(start, service, origin, folder):
    base = f"{origin.url}/hangs.jpg?{folder.name}"
    process = start("run", "--base", base, "--overlay", "logo.png", "-o", "out.png")
    origin.await_request(base.removeprefix(origin.url))

    status, message = interrupted(process)

    assert status == 130, message
    assert "cancelled while PROCESSING" in message
    assert "interrupted: the request was cancelled" in message
    assert list(folder.glob("*out*")) == parts(folder) == []
