"""`superimpose run --manifest`: files as shops export them."""

import codecs
import json

import pytest
from PIL import Image

from cli.run.journal import NAME
from tests.cli.conftest import words


@pytest.fixture
def run(superimpose, folder):
    """Runs a manifest with this text in `exports`, next to the folder of the pictures."""
    (folder / "exports").mkdir()
    (folder / "exports/cup.jpg").write_bytes((folder / "cup.jpg").read_bytes())
    (folder / "exports/logo.png").write_bytes((folder / "logo.png").read_bytes())

    def run(text: str | bytes, *arguments: str):
        data = text if isinstance(text, bytes) else text.encode()
        (folder / "exports/rows").write_bytes(data)
        return superimpose("run", "--manifest", "exports/rows", "-o", "out", *arguments)

    return run


def names(folder) -> set[str]:
    return {path.name for path in (folder / "out").iterdir()} - {NAME}


def faults(answer) -> str:
    assert answer.exit_code == 2, answer.output
    return words(answer.stderr)


CSV = """\
custom_id,base_image,overlay_image,scale_to,x_offset,keep_copyright,region,output
sku-1,cup.jpg,logo.png,0.2,10,TRUE,,
sku-2,cup.jpg,logo.png,,,no,"[0.1, 0.1, 0.5, 0.5]",two.png
,"cup.jpg",logo.png,.3,,,,three
"""


@pytest.mark.parametrize("way", ["--batch", "--no-batch"])
def test_each_row_becomes_a_picture(run, folder, way):
    answer = run(CSV, way)

    assert answer.exit_code == 0, answer.output
    assert names(folder) == {"sku-1.jpg", "two.png", "three.jpg"}
    with Image.open(folder / "out/two.png") as made:
        assert made.format == "PNG"
    assert "3 kept" in run(CSV, way).stderr


def parameters(folder) -> dict[str, object]:
    lines = map(json.loads, (folder / "out" / NAME).read_text().splitlines())
    return {line["output"]: line["parameters"] for line in lines if "output" in line}


def test_values_have_the_types_of_their_parameters(run, folder):
    assert run(CSV).exit_code == 0

    assert parameters(folder) == {
        "sku-1.jpg": {"scale_to": 0.2, "x_offset": 10, "keep_copyright": True},
        "two.png": {"keep_copyright": False, "region": [0.1, 0.1, 0.5, 0.5], "image_format": "png"},
        "three.jpg": {"scale_to": 0.3},
    }


GERMAN = """\
output;base_image;overlay_image;scale_to;image_quality
größe;cup.jpg;logo.png;0,25;keep
;;;;
""".replace("\n", "\r\n")


@pytest.mark.parametrize(
    "data",
    [
        GERMAN.encode(),
        codecs.BOM_UTF8 + GERMAN.encode(),
        codecs.BOM_UTF16_LE + GERMAN.replace(";", "\t").replace("0,25", "0.25").encode("utf-16-le"),
        GERMAN.replace("größe", '"größe"').replace("\r\n", "\n").encode(),
    ],
)
def test_files_written_by_spreadsheets_are_understood(run, folder, data):
    answer = run(data)

    assert answer.exit_code == 0, answer.output
    assert parameters(folder) == {"größe.jpg": {"scale_to": 0.25, "image_quality": "keep"}}


def test_a_quoted_cell_may_have_separators_quotes_and_line_breaks(run, folder):
    head = 'custom_id,base_image,overlay_image\r\n"a, ""b""",cup.jpg,logo.png\r\n'
    rows = f'{head}"c\nd",cup.jpg,logo.png\r\nx,no.jpg,logo.png\r\n'

    message = faults(run(rows))

    assert "line 3, custom_id: " in message
    assert "line 5, base_image: 'no.jpg' does not exist" in message
    assert run(head).exit_code == 0
    assert names(folder) == {"a, _b_.jpg"}


def test_ndjson_overrides_the_options_of_the_command_line(run, folder):
    rows = [
        {"base_image": "cup.jpg", "custom_id": "a/b"},
        {"base_image": "cup.jpg", "output": "c", "opacity": 1, "image_format": None},
    ]

    answer = run(
        "\n\n".join(map(json.dumps, rows)),
        "--overlay",
        "logo.png",
        "--opacity",
        "0.5",
        "--image-format",
        "webp",
    )

    assert answer.exit_code == 0, answer.output
    assert names(folder) == {"a_b.webp", "c.jpg"}
    assert parameters(folder)["a_b.webp"] == {"opacity": 0.5, "image_format": "webp"}
    assert parameters(folder)["c.jpg"] == {"opacity": 1}


def test_pictures_may_be_urls_and_layers(run, folder, origin):
    rows = [
        {"base_image": f"{origin.url}/cup.jpg?size=1"},
        {
            "base_image": "cup.jpg",
            "output": "layers",
            "overlays": [{"overlay_image": "logo.png"}, {"color": "#fff"}],
        },
    ]

    answer = run("\n".join(map(json.dumps, [{**rows[0], "overlay_image": "logo.png"}, rows[1]])))

    assert answer.exit_code == 0, answer.output
    assert names(folder) == {"cup.jpg", "layers.jpg"}


def test_a_scene_provides_the_model_and_defaults_for_the_rows(run, folder):
    scene = {"model": "superimpose-v2", "overlay_image": "logo.png", "opacity": 40}
    (folder / "scene.json").write_text(json.dumps(scene))

    answer = run("base_image,blend_mode\ncup.jpg,multiply\n", "--scene", "scene.json")

    assert answer.exit_code == 0, answer.output
    assert parameters(folder) == {
        "cup.jpg": {"model": "superimpose-v2", "opacity": 40, "blend_mode": "multiply"}
    }


def test_a_picture_that_fails_is_named_by_its_line(run, folder):
    (folder / "exports/text.jpg").write_text("I am a text file")

    answer = run(CSV + "bad,text.jpg,logo.png,,,,,\n", "--json")

    assert answer.exit_code == 3
    assert "exports/rows: line 5, bad.jpg: base_image: not an image file" in answer.stderr
    (failed,) = (line for line in map(json.loads, answer.stdout.splitlines()) if line["status"] == "FAILED")
    assert (failed["line"], failed["custom_id"], failed["code"]) == (5, "bad", "invalid_image")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("base_image,overlay_image,opacty\n", "line 1, opacty: is not a column; known are base_image, "),
        ("base_image,overlay_image,base64\n", "line 1, base64: is not a column"),
        ("base_image,base_image\n", "line 1, base_image: appears twice"),
        ("base_image,,opacity\n", "line 1, column 2: has no name"),
        ("base_image,overlay_image\n", "has no rows"),
        ("", "has no rows"),
        ("base_image,overlay_image\ncup.jpg,logo.png,3\n", "line 2: has 3 cells for 2 columns"),
        ('base_image,overlay_image\n"cup.jpg,logo.png\n', "line 2 is not CSV: "),
        (b"base_image,overlay_image\nb\xe9b\xe9.jpg,logo.png\n", "line 2 is not UTF-8: save it as CSV UTF-8"),
        (
            "base_image,overlay_image\ncup.jpg,../logo.gif\n",
            "line 2, overlay_image: '../logo.gif' does not exist",
        ),
        ("base_image,opacity\ncup.jpg,1\n", "line 2, overlay_image: is required"),
        (
            "base_image,overlay_image,opacity\ncup.jpg,logo.png,half\n",
            "line 2, opacity: 'half' is not allowed: must be a number",
        ),
        (
            'base_image,overlay_image,opacity\ncup.jpg,logo.png,"0,5"\n',
            "line 2, opacity: '0,5' is not allowed",
        ),
        (
            "base_image,overlay_image,opacity\ncup.jpg,logo.png,3\n",
            "line 2, opacity: 3 is not allowed: must be less than",
        ),
        (
            "base_image,overlay_image,invert_mask\ncup.jpg,logo.png,maybe\n",
            "line 2, invert_mask: 'maybe' is not allowed: must be true",
        ),
        (
            "base_image,overlay_image,region\ncup.jpg,logo.png,left\n",
            "line 2, region: 'left' is not allowed: must be JSON",
        ),
        ("base_image,overlay_image,blend_mode\ncup.jpg,logo.png,pale\n", "line 2, blend_mode: "),
        (
            "base_image,overlay_image\ncup.jpg,logo.png\ncup.jpg,logo.png\n",
            "line 3, output: would be 'cup.jpg' like line 2",
        ),
        (
            "base_image,overlay_image,custom_id\ncup.jpg,logo.png,a\ncup.jpg,logo.png,a\n",
            "line 3, custom_id: 'a' is already used in line 2",
        ),
        (
            "base_image,overlay_image,output\ncup.jpg,logo.png,../a.jpg\n",
            "line 2, output: '../a.jpg' is not allowed: must be a file name",
        ),
        ("base_image,overlay_image,output\ncup.jpg,logo.png,/etc/a.jpg\n", "line 2, output: "),
        ("base_image,overlay_image,output\ncup.jpg,logo.png,.superimpose.jsonl\n", "line 2, output: "),
        (
            "base_image,overlay_image,output\ncup.jpg,logo.png,a.tiff\n",
            "line 2, output: 'a.tiff' does not have the suffix of an output format",
        ),
        (
            "base_image,overlay_image,output,image_format\ncup.jpg,logo.png,a.png,webp\n",
            "line 2, output: 'a.png' is named as a png",
        ),
        (
            '{"base_image": "cup.jpg", "opacty": 1}\n{"base_image": \n[]',
            "line 1, opacty: is unknown; known are base_image, ",
        ),
        ('{"base_image": "cup.jpg", "opacty": 1}\n{"base_image": \n[]', "line 2: must be one JSON object: "),
        ('{"base_image": "cup.jpg", "opacty": 1}\n{"base_image": \n[]', "line 3: must be one JSON object"),
        ('[{"base_image": "cup.jpg"}]', "line 1: must be one JSON object"),
        (
            '{"base_image": "cup.jpg", "overlay_image": "logo.png", "opacity": "1"}',
            'line 1, opacity: "1" is a string; send the number 1',
        ),
        ('{"base_image": "data:image/png;base64,AAAA", "overlay_image": "logo.png"}', "give a file or a URL"),
    ],
)
def test_faults_name_the_line_and_the_column(run, folder, rows, message):
    assert message in faults(run(rows))
    assert not (folder / "out").exists()


def test_many_faults_are_counted(run):
    rows = "base_image,overlay_image\n" + 50 * "no.jpg,logo.png\n"

    assert "line 21, base_image: 'no.jpg' does not exist: give a file or a URL; and 30 more" in faults(
        run(rows)
    )


def test_options_that_contradict_a_manifest_are_refused(run):
    assert "--base-dir and --manifest contradict each other" in faults(run(CSV, "--base-dir", "exports"))
    assert "'-' is one picture" in faults(run(CSV, "-o", "-"))
    assert "7.0 is not allowed" in faults(run(CSV, "--opacity", "7"))
