"""`--scene`: several layers, or another model, from a file next to its pictures."""

import io
import json

import pytest
from PIL import Image

from cli.run.journal import NAME
from compositor import SuperimposeRequest, render
from jobs.pictures.inputs import sample_bytes
from tests.cli.conftest import words

SUBMIT = "POST /v2/superimpose"
SHIRT = [
    {"color": "#c02030", "mask": "mask.png"},
    {"overlay_image": "logo.png", "region": [0.3, 0.3, 0.4, 0.4]},
    {"overlay_image": "photo.png", "mask": "mask.png", "blend_mode": "multiply"},
]


def flat(mode, color):
    out = io.BytesIO()
    Image.new(mode, (60, 40), color).save(out, "PNG")
    return out.getvalue()


FILES = {
    "mask.png": flat("L", 200),
    "photo.png": flat("RGB", (200, 180, 160)),
    "logo.png": sample_bytes("logo.png"),
}


@pytest.fixture
def write(folder):
    """Writes a scene and its pictures into a folder."""
    (folder / "shirt").mkdir()
    for name, data in FILES.items():
        (folder / "shirt" / name).write_bytes(data)

    def write(**body):
        (folder / "shirt" / "scene.json").write_text(json.dumps(body))
        return ("--scene", "shirt/scene.json")

    return write


@pytest.fixture
def compose(superimpose):
    return lambda *arguments: superimpose("compose", "-o", "out.png", *arguments)


@pytest.fixture
def run(superimpose):
    return lambda *arguments: superimpose("run", "-o", "out.png", *arguments)


def expected(base, image_format="png"):
    params = SuperimposeRequest(base_image="base", overlays=SHIRT, image_format=image_format)
    files = {
        f"overlays[{index}].{name}": FILES[layer[name]]
        for index, layer in enumerate(SHIRT)
        for name in ("overlay_image", "mask")
        if name in layer
    }
    return render(params.scene(), {"base_image": base, **files}).data


def opened(path):
    return Image.open(io.BytesIO(path.read_bytes()))


def message(answer):
    return words(answer.output)


def test_compose_renders_a_scene_with_the_pictures_next_to_it(compose, write, folder):
    answer = compose("cup.jpg", *write(overlays=SHIRT))

    assert answer.exit_code == 0, answer.output
    assert (folder / "out.png").read_bytes() == expected(sample_bytes("cup.jpg"))


def test_run_renders_the_same_and_sends_a_file_of_two_layers_once(run, write, folder, proxy):
    answer = run("--base", "cup.jpg", *write(overlays=SHIRT))

    assert answer.exit_code == 0, answer.output
    assert (folder / "out.png").read_bytes() == expected((folder / "cup.jpg").read_bytes())
    assert proxy.asked.count("POST /upload-asset") == 1


def test_a_scene_may_have_a_base_which_the_command_line_overrides(compose, run, write, folder):
    scene = write(base_image="photo.png", overlays=SHIRT)

    for command, base in ((compose, ("cup.jpg",)), (run, ("--base", "cup.jpg"))):
        assert command(*scene).exit_code == 0
        assert opened(folder / "out.png").size == (60, 40)
        assert command(*base, *scene).exit_code == 0
        assert opened(folder / "out.png").size == (600, 400)


def test_output_options_override_the_scene(superimpose, write, folder):
    scene = write(base_image="photo.png", overlays=SHIRT, image_format="webp", image_quality=90, base64=True)

    for command in ("compose", "run"):
        for out in (("-o", "a.jpg", "--image-quality", "10"), ("-o", "a.png"), ("-o", "a")):
            assert superimpose(command, *scene, *out).exit_code == 0, out
        assert [opened(folder / name).format for name in ("a.jpg", "a.png", "a")] == [
            "JPEG",
            "PNG",
            "WEBP",
        ]
        assert opened(folder / "a.jpg").quantization[0][0] > 16


@pytest.mark.parametrize(
    ("body", "arguments", "text"),
    [
        ({"overlays": SHIRT}, ("--opacity", "0.5"), "--opacity and --scene contradict each other"),
        ({"overlays": SHIRT}, ("--mask", "logo.png"), "--mask and --scene contradict each other"),
        (
            {"overlays": SHIRT},
            ("--displacement-map", "logo.png"),
            "--displacement-map and --scene contradict",
        ),
        (
            {"overlays": [SHIRT[0], {"overlay_image": "logo.png", "opacity": 3}, {"color": "red"}]},
            (),
            "shirt/scene.json: overlays[1].opacity: 3 is not allowed: must be less than or equal to 1; "
            "overlays[2].color: 'red' is not allowed",
        ),
        (
            {"overlays": [{"overlay_image": "gone.png"}, {"color": "#fff", "mask": "none.png"}]},
            (),
            "shirt/scene.json: overlays[0].overlay_image: 'gone.png' does not exist: give a file or a URL; "
            "overlays[1].mask: 'none.png' does not exist",
        ),
        ({"overlay_image": "x" * 5000}, (), "overlay_image: 'xxxx"),
        ({"overlay_image": "logo.png", "overlays": SHIRT}, (), "overlay_image and overlays contradict"),
        ({"overlays": SHIRT, "model": "superimpose-v3"}, (), "model: 'superimpose-v3' is not allowed"),
        ({"overlays": SHIRT, "model": "superimpose-v2"}, (), "overlays: is not a parameter"),
        ({}, (), "overlay_image: is required"),
    ],
)
@pytest.mark.parametrize("command", [("compose", "cup.jpg"), ("run", "--base", "cup.jpg")])
def test_faults_are_named_by_their_path(superimpose, write, folder, command, body, arguments, text):
    answer = superimpose(*command, "-o", "out.png", *write(**body), *arguments)

    assert answer.exit_code == 2
    assert text in message(answer).replace('"red"', "'red'")
    assert not (folder / "out.png").exists()


@pytest.mark.parametrize("command", [("compose", "cup.jpg", "logo.png"), ("run", "--overlay", "logo.png")])
def test_an_overlay_beside_a_scene_is_refused(superimpose, write, command):
    answer = superimpose(*command, "-o", "out.png", *write(base_image="photo.png", overlays=SHIRT))

    assert answer.exit_code == 2
    assert "an overlay and --scene contradict each other" in message(answer)


@pytest.mark.parametrize("text", ["{", "[]", "\xff"])
def test_a_scene_that_is_not_an_object_is_refused(compose, write, folder, text):
    scene = write()
    (folder / "shirt" / "scene.json").write_bytes(text.encode("latin-1"))

    answer = compose("cup.jpg", *scene)

    assert answer.exit_code == 2
    assert "shirt/scene.json: must be one JSON object" in message(answer)


def test_a_missing_base_is_an_error(compose, run, write):
    scene = write(overlays=SHIRT)

    for command in (compose, run):
        answer = command(*scene)
        assert answer.exit_code == 2
        assert "base_image: is required, or a base on the command line" in message(answer)


def test_an_invalid_picture_is_named_by_its_path(compose, write, folder):
    scene = write(overlays=SHIRT)
    (folder / "shirt" / "logo.png").write_text("I am a text file")

    answer = compose("cup.jpg", *scene)

    assert answer.exit_code == 1
    assert "overlays[1].overlay_image: not an image file" in answer.output


def test_urls_need_a_server(compose, run, write, origin):
    scene = write(overlays=[{"overlay_image": f"{origin.url}/logo.png?scene"}])

    assert run("--base", "cup.jpg", *scene).exit_code == 0
    assert "/logo.png?scene" in origin.asked
    refused = compose("cup.jpg", *scene)
    assert refused.exit_code == 2
    assert "overlays[0].overlay_image: is a URL" in message(refused)


def test_a_scene_may_select_another_model_whose_warnings_are_printed(run, compose, write, folder, proxy):
    scene = write(
        model="superimpose-v2", overlay_image="logo.png", blend_mode="screen", bg_remove_model="Bria"
    )

    answer = run("--base", "cup.jpg", *scene)

    assert answer.exit_code == 0, answer.output
    assert proxy.asked.count("POST /v2/superimpose-v2") == 1
    assert "superimpose: bg_remove_model: no remover is configured" in answer.stderr
    sent = (folder / "out.png").read_bytes()
    composed = compose("cup.jpg", *scene)
    assert composed.exit_code == 0
    assert "superimpose: bg_remove_model: no remover is configured" in composed.stderr
    assert (folder / "out.png").read_bytes() == sent


def test_a_folder_is_rendered_again_if_a_picture_of_its_scene_changed(superimpose, write, folder, proxy):
    (folder / "bases").mkdir()
    for number in range(3):
        (folder / "bases" / f"{number}.png").write_bytes(flat("RGB", (number, 90, 90)))

    def made_now(**body):
        before = proxy.submitted
        answer = superimpose("run", "--base-dir", "bases", "-o", "out", *write(**body))
        assert answer.exit_code == 0, answer.output
        return proxy.submitted - before

    body = {"base_image": "not there.png", "overlays": SHIRT, "image_format": "webp"}
    assert made_now(**body) == 3
    assert proxy.asked.count("POST /upload-asset") == 3
    assert sorted(path.name for path in (folder / "out").glob("*.webp")) == ["0.webp", "1.webp", "2.webp"]
    assert made_now(**body) == 0
    (folder / "shirt" / "mask.png").write_bytes(flat("L", 90))
    assert made_now(**body) == 3
    assert made_now(**body | {"overlays": SHIRT[:2]}) == 3
    (folder / "shirt" / "mask.png").rename(folder / "shirt" / "same.png")
    renamed = [SHIRT[0] | {"mask": "same.png"}, SHIRT[1]]
    assert made_now(**body | {"overlays": renamed}) == 0
    assert "same.png" not in (folder / "out" / NAME).read_text()
