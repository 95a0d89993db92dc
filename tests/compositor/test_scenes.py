"""Scenes of several layers: each is put on the result of the previous ones."""

from typing import Any

import numpy as np
import pytest
from PIL import Image

from compositor import DecodedCache, File, ImageTooLarge, InvalidImage, Limits, SuperimposeRequest, render
from tests.compositor.animation.films import file, random_patches
from tests.compositor.pictures import noise, pixels, plain, png, saved

BASE, LOGO, MASK, MAP = "base_image", "overlay_image", "mask", "displacement_map"


def scene(files: dict[str, bytes], **params: Any) -> bytes:
    """The output of a request whose pictures are `files`, by path."""
    layers = [
        {**layer, **{name: "x" for name in (LOGO, MASK, MAP) if f"overlays[{index}].{name}" in files}}
        for index, layer in enumerate(params.pop("overlays", []))
    ]
    named = {name: "x" for name in files if "." not in name}
    given = {"image_format": "png"} | params | named | ({"overlays": layers} if layers else {})
    return render(SuperimposeRequest(**given).scene(), files).data


def one(base: bytes, overlay: bytes | None, mask: bytes | None = None, **params: Any) -> bytes:
    files = {BASE: base} | ({LOGO: overlay} if overlay else {}) | ({MASK: mask} if mask else {})
    return scene(files | ({MAP: FOLDS} if "displacement_x" in params else {}), **params)


LAYERS = [
    {"x_offset": 3, "y_offset": -2, "opacity": 0.6},
    {"overlay_resize": "Fit", "resize_method": "area", "rotation": 30, "blend_mode": "multiply"},
    {"tile": True, "tile_spacing": 3, "opacity": 0.3, "blend_mode": "screen"},
    {"region": [0.1, 0.2, 0.5, 0.6], "region_fit": "cover", "flip": "horizontal"},
    {"scale_to": 0.4, "scale_of": "min", "gravity": "southeast", "resize_method": "bilinear"},
    {"corners": [[0.1, 0.2], [0.8, 0.1], [1.2, 0.9], [0.2, 0.7]], "blend_mode": "overlay"},
    {"x_offset": 20, "displacement_x": 7, "displacement_y": -5, "rotation": 20, "opacity": 0.8},
]
FOLDS = png(noise((11, 7), 5))


@pytest.mark.parametrize("bands", [3, 4])
def test_layers_of_one_request_equal_requests_chained_through_png(bands):
    base = png(noise((60, 45), 1, bands))
    overlays = [png(noise((17 + 5 * each, 23), each, 4)) for each in range(len(LAYERS))]
    mask = png(noise((9, 9), 77)[..., 0])

    files = {BASE: base, "overlays[1].mask": mask}
    files |= {f"overlays[{index}].overlay_image": each for index, each in enumerate(overlays)}
    files[f"overlays[{len(LAYERS) - 1}].{MAP}"] = FOLDS
    together = scene(files, overlays=LAYERS)
    for index, (layer, overlay) in enumerate(zip(LAYERS, overlays, strict=True)):
        base = one(base, overlay, mask if index == 1 else None, **layer)

    assert (pixels(together) == pixels(base)).all()


def test_a_single_layer_equals_the_request_without_overlays():
    base, overlay = png(noise((40, 30), 1)), png(noise((10, 12), 2, 4))

    for layer in LAYERS:
        folds = {f"overlays[0].{MAP}": FOLDS} if "displacement_x" in layer else {}
        listed = scene({BASE: base, "overlays[0].overlay_image": overlay} | folds, overlays=[layer])
        assert listed == one(base, overlay, **layer)


@pytest.mark.parametrize(
    ("gravity", "box"),
    [
        ({}, (40, 35, 60, 55)),
        ({"gravity": "northwest"}, (30, 35, 50, 55)),
        ({"gravity": "east"}, (50, 35, 70, 55)),
    ],
)
def test_a_picture_contained_in_a_region_keeps_its_proportions_and_gravity(gravity, box):
    answer = one(plain((100, 100), "white"), plain((8, 8), "red"), region=[0.3, 0.35, 0.4, 0.2], **gravity)

    expected = Image.new("RGB", (100, 100), "white")
    expected.paste((255, 0, 0), box)
    assert (pixels(answer) == np.asarray(expected)).all()


@pytest.mark.parametrize("fit", ["cover", "stretch"])
@pytest.mark.parametrize(("region", "box"), [
    ([0.3, 0.35, 0.4, 0.2], (30, 35, 70, 55)),
    ([-0.1, 0.9, 0.3, 0.5], (0, 90, 20, 100)),
    ([0.5, 0.5, 0.001, 0.001], (50, 50, 51, 51)),
])  # fmt: skip
def test_a_picture_that_covers_a_region_is_clipped_to_it(fit, region, box):
    answer = one(plain((100, 100), "white"), plain((8, 20), "red"), region=region, region_fit=fit)

    expected = Image.new("RGB", (100, 100), "white")
    expected.paste((255, 0, 0), box)
    assert (pixels(answer) == np.asarray(expected)).all()


def test_a_region_outside_of_the_base_changes_nothing():
    base = png(noise((30, 30), 1))

    for fit in ("contain", "cover", "stretch"):
        answer = one(base, plain((8, 8), "red"), region=[2, 2, 0.5, 0.5], region_fit=fit)
        assert (pixels(answer) == pixels(base)).all()


def test_a_colour_under_a_mask_tints_what_the_mask_shows():
    base = np.full((10, 20, 3), 200, np.uint8)
    mask = Image.new("L", (20, 10), 0)
    mask.paste(255, (10, 0, 20, 10))

    answer = pixels(one(png(base), None, png(mask), color="#c02030", blend_mode="multiply"))

    assert (answer[:, :9] == 200).all()
    assert (answer[:, 11:] == np.rint(np.array([0xC0, 0x20, 0x30]) * 200 / 255)).all()


def test_a_colour_fills_its_region():
    answer = pixels(one(plain((10, 10), "white"), None, color="#f00", region=[0.2, 0.3, 0.5, 0.4]))

    expected = Image.new("RGB", (10, 10), "white")
    expected.paste((255, 0, 0), (2, 3, 7, 7))
    assert (answer == np.asarray(expected)).all()


@pytest.mark.parametrize(("of", "width"), [("width", 20), ("height", 10), ("min", 10), ("max", 20)])
def test_scale_to_refers_to_the_side_named_by_scale_of(of, width):
    layer = SuperimposeRequest(base_image="x", overlay_image="x", scale_to=0.5, scale_of=of).layer()

    assert layer.sized((4, 2), (40, 20)) == (width, width // 2)


def test_a_file_that_many_layers_use_is_decoded_once(monkeypatch):
    logo = png(noise((10, 10), 3, 4))
    files = {BASE: plain((30, 30), "white")} | {
        f"overlays[{index}].overlay_image": logo for index in range(16)
    }
    layers = [{"x_offset": index} for index in range(16)]
    decoded = []
    opened = Image.open
    monkeypatch.setattr(Image, "open", lambda *args, **more: decoded.append(1) or opened(*args, **more))

    scene(files, overlays=layers)

    assert len(decoded) == 2


def test_a_base_that_is_also_an_overlay_is_not_modified_before_its_use():
    base = png(noise((20, 20), 4))
    files = {BASE: base, "overlays[0].overlay_image": base, "overlays[1].overlay_image": base}

    answer = scene(files, overlays=[{"x_offset": 5}, {"x_offset": 10}])

    first = one(base, base, x_offset=5)
    assert (pixels(answer) == pixels(one(first, base, x_offset=10))).all()


def test_an_invalid_layer_is_named_by_its_path():
    files = {BASE: plain((9, 9), "red"), "overlays[0].overlay_image": plain((9, 9), "red")}

    with pytest.raises(InvalidImage, match=r"^overlays\[1\]\.overlay_image: not an image file"):
        scene(files | {"overlays[1].overlay_image": b"no picture"}, overlays=[{}, {}])


def test_the_pixels_of_all_inputs_are_counted_before_any_is_decoded():
    """The damaged base is not decoded."""
    large = [Image.new("L", (100, 100), each) for each in range(4)]
    files = {BASE: png(large[0])[:-30]}
    files |= {f"overlays[{index}].overlay_image": png(each) for index, each in enumerate(large[1:])}
    params = SuperimposeRequest(base_image="x", overlays=[{"overlay_image": "x"}] * 3)

    with pytest.raises(ImageTooLarge, match=r"0.04 MP together, at most 0.03 MP"):
        render(params.scene(), files, limits=Limits(max_pixels=10_000))


def test_of_equally_large_inputs_the_first_is_named_even_if_another_is_cached():
    colours = {BASE: "red", **{f"overlays[{at}].overlay_image": f"#00{at}" for at in range(3)}}
    files = {name: File(plain((10, 10), colour)) for name, colour in colours.items()}
    cache, limits = DecodedCache(10_000), Limits(max_pixels=100)
    last = {BASE: files["overlays[2].overlay_image"], LOGO: files["overlays[2].overlay_image"]}
    render(SuperimposeRequest(base_image="x", overlay_image="x").scene(), last, limits=limits, cache=cache)

    many = SuperimposeRequest(base_image="x", overlays=[{"overlay_image": "x"}] * 3).scene()
    with pytest.raises(ImageTooLarge, match=r"^base_image: the largest of pictures that have .* together"):
        render(many, files, limits=limits, cache=cache)


def test_pixels_that_no_header_declares_are_counted_before_the_next_is_decoded():
    """The damaged last input is not decoded."""
    out = saved(Image.new("RGB", (100, 100)), "AVIF")
    large = [out + bytes(each) for each in range(5)]
    files = {BASE: large[0], "overlays[4].overlay_image": b"no picture"}
    files |= {f"overlays[{index}].overlay_image": each for index, each in enumerate(large[1:])}
    params = SuperimposeRequest(base_image="x", overlays=[{"overlay_image": "x"}] * 5)

    with pytest.raises(ImageTooLarge, match=r"0.04 MP together, at most 0.03 MP"):
        render(params.scene(), files, limits=Limits(max_pixels=10_000))


def test_inspect_gets_the_inputs_by_their_paths():
    files = {BASE: plain((9, 9), "red"), f"overlays[1].{MASK}": plain((9, 9), "white")}
    files |= {f"overlays[{index}].{LOGO}": plain((9, 9), "blue") for index in (1, 2)} | {
        f"overlays[2].{MAP}": FOLDS
    }
    layers = [{"color": "#fff"}, {LOGO: "x", MASK: "x"}, {LOGO: "x", MAP: "x", "displacement_x": 5}]
    shown: list[str] = []

    params = SuperimposeRequest(base_image="x", overlays=layers)
    render(params.scene(), files, inspect=lambda name, _: shown.append(name))

    assert shown == [BASE, *(name for name in params.scene().inputs if name != BASE), "output"]
    assert set(shown) == {*files, "output"}


def test_the_mask_of_a_displaced_layer_stays_where_it_is():
    """The picture moves right by 5 pixels, but the mask does not."""
    mask = Image.new("L", (20, 10), 0)
    mask.paste(255, (0, 0, 10, 10))
    picture = Image.new("RGB", (20, 10), "red")
    picture.paste((0, 0, 255), (0, 0, 5, 10))
    files = {BASE: plain((20, 10), "white"), LOGO: png(picture), MASK: png(mask), MAP: plain((4, 4), "black")}

    answer = pixels(scene(files, displacement_x=5))

    assert (answer[:, :5] == 255).all(), "nothing has come there"
    assert (answer[:, 5:9] == (0, 0, 255)).all()
    assert (answer[:, 11:] == 255).all(), "the mask hides it"


def test_a_tile_of_an_animation_is_limited_to_the_pixels_of_an_input():
    files = {BASE: file(random_patches(1, "GIF"), "GIF"), LOGO: plain((9, 9), "red")}
    huge = {"overlay_resize": "Resize to width & heigth", "width": 16_384, "height": 16_384, "tile": True}

    with pytest.raises(
        ImageTooLarge, match=r"overlay_image: 16384 x 16384 = 268.4 MP once resized, .* as a tile"
    ):
        scene(files, **huge, animation="keep", image_format="webp")
