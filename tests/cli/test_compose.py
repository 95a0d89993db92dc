"""`superimpose compose`: one picture without a server."""

import io
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from cli.main import app
from compositor import SuperimposeParams, superimpose
from jobs.pictures.inputs import sample_bytes


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name in ("cup.jpg", "logo.png"):
        (tmp_path / name).write_bytes(sample_bytes(name) or b"")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(folder):
    return lambda *arguments: CliRunner(env={"COLUMNS": "300"}).invoke(app, ["compose", *arguments])


def pictures(*names: str) -> list[bytes]:
    return [sample_bytes(name) or b"" for name in names]


@pytest.mark.parametrize(
    ("name", "format"), [("a.jpg", "JPEG"), ("a.png", "PNG"), ("a.webp", "WEBP"), ("a", "JPEG")]
)
def test_the_suffix_selects_the_format(run, folder, name, format):
    answer = run("cup.jpg", "logo.png", "-o", name, "--rescale-factor", "0.33", "--x-offset", "430")

    assert answer.exit_code == 0, answer.output
    assert Image.open(io.BytesIO((folder / name).read_bytes())).format == format
    assert "600 x 400" in answer.output


@pytest.mark.parametrize("wanted", [(), ("--image-format", "png")])
def test_an_unknown_suffix_is_refused_with_a_list_of_known_ones(run, folder, wanted):
    answer = run("cup.jpg", "logo.png", "-o", "a.tiff", *wanted)

    assert answer.exit_code == 2
    assert "'a.tiff'" in answer.output
    assert ".jpg, .jpeg, .png, .webp, .avif, .gif, .apng, or - for stdout" in " ".join(answer.output.split())
    assert not (folder / "a.tiff").exists()


def test_a_dash_is_stdout_and_nothing_else_is_printed_there(run, folder):
    answer = run("cup.jpg", "logo.png", "-o", "-", "--image-format", "webp")

    assert answer.exit_code == 0, answer.output
    assert Image.open(io.BytesIO(answer.stdout_bytes)).format == "WEBP"
    assert "600 x 400" in answer.stderr
    assert not (folder / "-").exists()


def test_a_device_is_written_to_and_not_replaced(run):
    assert run("cup.jpg", "logo.png", "-o", "/dev/null").exit_code == 0
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize("out", ["nowhere/a.png", "folder.png"])
def test_a_file_that_cannot_be_written_is_named(run, folder, out):
    (folder / "folder.png").mkdir()

    answer = run("cup.jpg", "logo.png", "-o", out)

    assert answer.exit_code == 1
    assert answer.output.startswith(f"superimpose: {out}: ")
    assert not list(folder.glob(".superimpose-*"))


def test_every_parameter_is_an_option(run):
    help_text = "".join(run("--help").output.split())

    arguments, of_scenes = {"base_image", "overlay_image"}, {"color", "overlays", "base64"}
    for name in SuperimposeParams.model_fields.keys() - arguments - of_scenes:
        assert f"--{name.replace('_', '-')}" in help_text


def test_options_have_the_effect_of_the_parameters(run, folder):
    run("cup.jpg", "logo.png", "-o", "nothing.png", "--opacity", "0")
    run("cup.jpg", "logo.png", "-o", "away.png", "--x-offset", "9999")
    run("cup.jpg", "logo.png", "-o", "there.png")

    assert (folder / "nothing.png").read_bytes() == (folder / "away.png").read_bytes()
    assert (folder / "nothing.png").read_bytes() != (folder / "there.png").read_bytes()


@pytest.mark.parametrize(
    ("options", "parameters"),
    [
        (
            ("--region", "0.31,0.28,0.38,0.42", "--region-fit", "cover"),
            {"region": [0.31, 0.28, 0.38, 0.42], "region_fit": "cover"},
        ),
        (
            ("--corners", "0.3,0.3 0.7,0.35 0.68,0.7 0.32,0.66"),
            {"corners": [[0.3, 0.3], [0.7, 0.35], [0.68, 0.7], [0.32, 0.66]]},
        ),
        (("--scale-to", "0.5", "--scale-of", "height"), {"scale_to": 0.5, "scale_of": "height"}),
        (("--image-quality", "40"), {"image_quality": 40}),
        (("--image-quality", "keep"), {"image_quality": "keep"}),
    ],
)
def test_options_with_a_notation_of_their_own_are_parsed(run, folder, options, parameters):
    assert run("cup.jpg", "logo.png", "-o", "a.jpg", *options).exit_code == 0

    expected = superimpose(*pictures("cup.jpg", "logo.png"), SuperimposeParams(**parameters))
    assert (folder / "a.jpg").read_bytes() == expected.data


def test_a_displacement_map_is_a_file(run, folder):
    folds = ("--displacement-map", "folds.png", "--displacement-x", "90")
    (folder / "folds.png").write_bytes(sample_bytes("tshirt-displacement.png") or b"")

    assert run("cup.jpg", "logo.png", "-o", "flat.png").exit_code == 0
    assert run("cup.jpg", "logo.png", "-o", "moved.png", *folds).exit_code == 0

    assert (folder / "moved.png").read_bytes() != (folder / "flat.png").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--opacity", "3"), "--opacity"),
        (("--overlay-resize", "huge"), "Fit"),
        (("--rotation", "x"), "--rotation"),
        (("--region", "0.1,0.1,0.5,x"), "'0.1,0.1,0.5,x'isnotallowed"),
        (("--region", "0.1,0.1,0.5"), "--region"),
        (("--corners", "0,0 0,1 1,1 1,0"), "convexquadrilateral,clockwise"),
        (("--image-quality", "0"), "--image-quality"),
        (("--image-quality", "good"), 'mustbeanumberfrom1to100,or"keep"'),
        (("--displacement-x", "8"), "displacement_xwithoutdisplacement_map"),
        (("--no-such-thing", "1"), "--no-such-thing"),
    ],
)
def test_a_bad_option_is_named(run, folder, arguments, message):
    answer = run("cup.jpg", "logo.png", "-o", "a.png", *arguments)

    assert answer.exit_code == 2
    assert message in "".join(answer.output.replace("│", "").split())
    assert not (folder / "a.png").exists()


def test_a_file_that_is_not_a_picture_is_one_sentence(run, folder):
    (folder / "text.png").write_text("I am a text file")

    answer = run("cup.jpg", "text.png", "-o", "a.png")

    assert answer.exit_code == 1
    assert answer.output.startswith("superimpose: overlay_image: ")
    assert not (folder / "a.png").exists()
