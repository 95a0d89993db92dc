"""`animation: "keep"`: every frame of the base gets the layers."""

import re
import struct
import zlib
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps
from pydantic import ValidationError

from compositor import Limits, SuperimposeParams, render, superimpose
from compositor.animation.reader import read_animation
from compositor.decoding.colour.light import PEAK, rendering
from compositor.decoding.decode import Colours, decode
from compositor.models import read
from tests.compositor.animation.films import SIZE, composed, file, random_patches
from tests.compositor.colour import spaces
from tests.compositor.pictures import animated, opened, plain, png, saved
from tests.compositor.pictures import read as picture_file

FORMATS = ["GIF", "PNG", "WEBP"]
WRITTEN = {"gif": "GIF", "apng": "PNG", "webp": "WEBP", "avif": "AVIF"}
UNSEEN = plain((3, 3), "red")


def keep(image_format: str, **params: object) -> SuperimposeParams:
    return SuperimposeParams(animation="keep", image_format=image_format, **params)  # type: ignore[arg-type]


def frames(data: bytes) -> list[tuple[np.ndarray, Fraction]]:
    """(height, width, 4) int of each frame as read here, and its seconds."""
    first = decode(data, "base_image", Limits())
    read = read_animation(data, first, "base_image", Limits()).frames()
    return [(np.asarray(each.image.convert("RGBA")).astype(int), each.seconds) for each in read]


def plays(data: bytes) -> int:
    return read_animation(data, decode(data, "base_image", Limits()), "base_image", Limits()).plays


def visible(levels: np.ndarray) -> np.ndarray:
    """Premultiplied, so that transparent pixels have no colour."""
    alpha = levels[..., 3:]
    return np.concatenate([levels[..., :3] * alpha / 255, alpha], axis=-1)


@pytest.mark.parametrize("image_format", FORMATS)
@pytest.mark.parametrize("opaque", [False, True])
@pytest.mark.parametrize("seed", range(8))
def test_frames_are_composed_by_the_formats_rules(image_format, opaque, seed):
    patches = random_patches(seed, image_format, opaque)

    ours = frames(file(patches, image_format))

    assert [seconds for _, seconds in ours] == [Fraction(patch.milliseconds, 1000) for patch in patches]
    for (levels, _), expected in zip(ours, composed(patches), strict=True):
        assert np.abs(visible(levels) - visible(expected)).max() <= 2


@pytest.mark.parametrize(
    "name", ["made/animated.gif", "made/animated.webp", "pillow/apng.png", "pillow/star.avifs"]
)
def test_the_first_frame_is_the_picture_that_is_used_without_keep(name):
    data = picture_file(name)
    first = np.asarray(decode(data, "base_image", Limits()).image.convert("RGBA"))
    assert (visible(frames(data)[0][0]) == visible(first.astype(int))).all()


@pytest.mark.parametrize("source", FORMATS)
@pytest.mark.parametrize("opaque", [False, True])
@pytest.mark.parametrize("target", WRITTEN)
def test_frames_are_written_as_they_were_read(source, target, opaque):
    patches = random_patches(3, source, opaque)
    base = file(patches, source)

    answer = superimpose(base, UNSEEN, keep(target, opacity=0, image_quality=100))

    assert opened(answer.data).format == WRITTEN[target]
    assert answer.content_type == f"image/{target}"
    assert answer.animated == ()
    before, after = frames(base), frames(answer.data)
    assert len(after) == len(before)
    tolerance = {"gif": 0 if source == "GIF" else 200, "avif": 40}.get(target, 0)
    for (ours, seconds), (levels, expected) in zip(after, before, strict=True):
        assert abs(seconds - expected) < Fraction(1, 100)
        if target == "gif":
            levels[..., 3] = np.where(levels[..., 3] < 128, 0, 255)
        apart = np.abs(visible(ours) - visible(levels))
        assert np.median(apart) <= 4
        assert apart.max() <= tolerance


LAYERS = [
    {
        "overlay_image": "x",
        "x_offset": 4,
        "y_offset": 3,
        "blend_mode": "multiply",
        "rotation": 20,
        "opacity": 0.7,
    },
    {"overlay_image": "x", "tile": True, "tile_spacing": 2, "rescale_factor": 0.3},
    {"overlay_image": "x", "corners": [[0.1, 0.2], [0.8, 0.1], [0.9, 0.9], [0.2, 0.7]], "mask": "x"},
    {"color": "#3060c0", "region": [0.5, 0.5, 0.3, 0.4], "blend_mode": "screen"},
]


@pytest.mark.parametrize(
    "most", [50_000_000, 4 * SIZE[0] * SIZE[1]]
)  # with the second what a layer puts there is not kept
@pytest.mark.parametrize("opaque", [False, True])
def test_each_frame_equals_the_still_picture_of_that_frame(opaque, most):
    base = file(random_patches(5, "PNG", opaque), "PNG")
    logo = plain((9, 7), (20, 200, 40, 128), "RGBA")
    mask = plain((4, 4), "#a0a0a0")

    def rendered(data: bytes, **answer: str) -> np.ndarray | bytes:
        scene = read({"base_image": "x", "overlays": LAYERS * 2, **answer}).scene()
        files = {name: mask if name.endswith("mask") else logo for name in scene.inputs} | {
            "base_image": data
        }
        return render(scene, files, limits=Limits(max_pixels=most)).data

    animation = rendered(base, animation="keep", image_format="apng")

    for (ours, _), (alone, _) in zip(frames(animation), frames(base), strict=True):
        still = rendered(png(alone.astype(np.uint8)), image_format="png")
        assert (ours == np.asarray(opened(still).convert("RGBA"))).all()


@pytest.mark.parametrize("source", FORMATS)
@pytest.mark.parametrize("target", WRITTEN)
@pytest.mark.parametrize("times", [0, 1, 2, 7])
def test_the_output_plays_as_often_as_the_base(source, target, times):
    base = file(random_patches(2, source, count=3), source, times)
    assert plays(base) == times
    assert plays(superimpose(base, UNSEEN, keep(target, opacity=0)).data) == times


@pytest.mark.parametrize("times", [0, 1, 3])
def test_an_avif_sequence_declares_its_plays(times):
    first = superimpose(file(random_patches(2, "PNG"), "PNG", times), UNSEEN, keep("avif")).data
    assert plays(superimpose(first, UNSEEN, keep("avif")).data) == times


@pytest.mark.parametrize("target", WRITTEN)
def test_frame_times_do_not_drift(target):
    """24 frames a second, which only PNG can express exactly, last one second."""
    stills = [Image.new("RGB", SIZE, (10 * number, 0, 0)) for number in range(24)]
    data = animated(stills, "PNG", duration=10)
    for at in [found.start() for found in re.finditer(b"fcTL", data)]:
        content = data[at + 4 : at + 24] + struct.pack(">HH", 1, 24) + data[at + 28 : at + 30]
        data = data[: at + 4] + content + struct.pack(">I", zlib.crc32(b"fcTL" + content)) + data[at + 34 :]

    shown = [seconds for _, seconds in frames(superimpose(data, UNSEEN, keep(target, opacity=0)).data)]

    assert len(shown) == 24
    assert sum(shown) == 1
    assert max(shown) - min(shown) <= Fraction(1, 100)


@pytest.mark.parametrize("target", WRITTEN)
@pytest.mark.parametrize("name", ["made/baseline.jpg", "made/rgba.png"])
def test_a_still_base_becomes_an_animation_of_one_frame(target, name):
    answer = superimpose(picture_file(name), UNSEEN, keep(target, opacity=0))
    image = opened(answer.data)
    assert image.format == WRITTEN[target]
    assert getattr(image, "n_frames", 1) == 1


def test_an_animated_overlay_is_reported_and_its_first_frame_used():
    overlay, base = picture_file("made/animated.gif"), file(random_patches(1, "GIF"), "GIF")
    assert superimpose(base, overlay, keep("gif")).animated == ("overlay_image",)


def test_without_keep_the_first_frame_is_used():
    answer = superimpose(
        file(random_patches(1, "GIF"), "GIF"), UNSEEN, SuperimposeParams(image_format="webp")
    )
    assert answer.animated == ("base_image",)
    assert opened(answer.data).n_frames == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("number", range(2, 9))
def test_all_frames_are_rotated_like_the_first(number):
    """By the EXIF orientation, which a WebP stores beside its frames."""
    patches = random_patches(4, "WEBP", opaque=True)
    stills = [Image.fromarray(levels.astype(np.uint8)) for levels, _ in frames(file(patches, "WEBP"))]
    exif = Image.Exif()
    exif[0x112] = number
    base = animated(stills, "WEBP", lossless=True, exact=True, exif=exif)

    turned = frames(superimpose(base, UNSEEN, keep("apng", opacity=0)).data)

    for (ours, _), still in zip(turned, stills, strict=True):
        still.getexif()[0x112] = number
        expected = ImageOps.exif_transpose(still)
        assert (visible(ours) == visible(np.asarray(expected.convert("RGBA")).astype(int))).all()


@pytest.mark.parametrize("target", ["gif", "apng"])
def test_only_changed_pixels_are_written(target):
    """A hundred frames in which one dot moves need few more bytes than one."""
    random = np.random.default_rng(1)
    still = Image.fromarray(random.integers(0, 256, (64, 64, 3), np.uint8))
    moving = [still.copy() for _ in range(100)]
    for number, frame in enumerate(moving):
        frame.putpixel((number % 64, 5), (255, 0, 0))
    base = saved(still, "PNG", save_all=True, append_images=moving)

    one = superimpose(png(still), UNSEEN, keep(target, opacity=0)).data
    assert len(superimpose(base, UNSEEN, keep(target, opacity=0)).data) < 5 * len(one)


@pytest.mark.parametrize("titled", [False, True])
def test_a_webp_of_photographs_is_lossy_whatever_its_first_frame_is(titled):
    random = np.random.default_rng(1)
    photographs = [Image.fromarray(random.integers(0, 256, (60, 80, 3), np.uint8)) for _ in range(4)]
    first = Image.new("RGB", (80, 60), "black") if titled else photographs[0]
    base = saved(first, "PNG", save_all=True, append_images=photographs)
    made = superimpose(base, UNSEEN, keep("webp", opacity=0)).data
    assert (b"VP8L" in made, b"VP8 " in made) == (titled, True)


def test_a_webp_of_graphics_is_lossless():
    stills = [Image.new("RGB", (80, 60), "white") for _ in range(4)]
    for number, still in enumerate(stills):
        still.paste((200, 0, 30), (7 * number, 5, 30 + 7 * number, 31))
    base = animated(stills, "PNG")
    shown = frames(superimpose(base, UNSEEN, keep("webp", opacity=0)).data)
    assert all(
        (levels[..., :3] == np.asarray(still)).all() for (levels, _), still in zip(shown, stills, strict=True)
    )


@pytest.mark.parametrize(("count", "colour"), [(4, (255, 0, 0)), (5, (0, 0, 255))])
def test_layers_are_prepared_once_unless_they_are_large_together(count, colour):
    """Their picture becomes blue once it was put on the first frame; four of 64 pixels are not too large."""
    pictures = {}

    def inspect(name, picture):
        pictures[name] = picture
        if name == "output":
            pictures["overlays[0].overlay_image"].paste("blue", (0, 0, 8, 8))

    files = dict.fromkeys((f"overlays[{at}].overlay_image" for at in range(count)), plain((8, 8), "red"))
    files["base_image"] = animated([Image.new("RGB", (8, 8), (0, level, 0)) for level in (50, 90)], "PNG")
    scene = keep("apng", overlays=[{"overlay_image": "x"}] * count).scene()
    answer = render(scene, files, limits=Limits(max_pixels=4 * 64), inspect=inspect)

    shown = [tuple(levels[0, 0, :3]) for levels, _ in frames(answer.data)]
    assert shown == [(255, 0, 0), colour]


def test_every_frame_is_inspected():
    patches = random_patches(1, "GIF")
    seen = Counter()
    superimpose(file(patches, "GIF"), UNSEEN, keep("gif"), inspect=lambda name, _: seen.update([name]))
    assert seen == {"base_image": 1, "overlay_image": 1, "output": len(patches)}


@pytest.mark.parametrize("image_format", ["jpeg", "png"])
def test_a_format_of_one_frame_contradicts_keep(image_format):
    with pytest.raises(
        ValidationError, match='animation "keep" needs image_format "webp", "gif", "apng" or "avif"'
    ):
        SuperimposeParams(animation="keep", image_format=image_format)


@pytest.mark.parametrize("name", ["keep_copyright", "keep_icc_profile"])
def test_a_gif_cannot_hold_metadata(name):
    with pytest.raises(ValidationError, match=f'{name} is not for image_format "gif"'):
        SuperimposeParams(image_format="gif", **{name: True})


@pytest.mark.parametrize("target", ["webp", "apng", "avif"])
def test_frames_stay_in_the_space_of_the_base(target):
    p3 = opened(picture_file("made/display-p3.png"))
    stills = [p3, ImageOps.mirror(p3)]
    base = animated(stills, "PNG", icc_profile=p3.info["icc_profile"])

    answer = superimpose(base, UNSEEN, keep(target, keep_icc_profile=True, opacity=0, image_quality=100))

    assert opened(answer.data).info["icc_profile"] == p3.info["icc_profile"]
    first = decode(answer.data, "base_image", Limits(), Colours.OWN)
    shown = list(read_animation(answer.data, first, "base_image", Limits()).frames())
    for still, frame in zip(stills, shown, strict=True):
        apart = np.asarray(still.convert("RGB")).astype(int) - np.asarray(frame.image.convert("RGB"))
        assert np.abs(apart).mean() < 2


@pytest.mark.parametrize("peak", [PEAK, 600])
def test_colour_conversions_are_built_once_for_all_frames(peak):
    own, again, other = (spaces.profile(spaces.P3, spaces.SRGB_CURVE, name) for name in "aab")
    kind = np.dtype(np.uint8)

    assert rendering(own, kind, peak) is rendering(again, kind, peak)
    assert rendering(own, kind, peak) is not rendering(other, kind, peak)


@pytest.mark.parametrize("source", ["PNG", "WEBP", "AVIF"])
def test_as_many_conversions_of_pillow_are_built_for_twelve_frames_as_for_three(source, monkeypatch):
    built = []
    build = ImageCms.ImageCmsTransform

    def counted(*args, **options):
        built.append(args)
        return build(*args, **options)

    monkeypatch.setattr(ImageCms, "ImageCmsTransform", counted)
    counts = []
    for count in (3, 12):
        stills = [Image.new("RGBA", SIZE, (20 * number, 90, 20, 99)) for number in range(count)]
        space = spaces.profile(spaces.P3, spaces.SRGB_CURVE, f"{source} {count:02}")
        base = animated(stills, source, icc_profile=space, lossless=True)
        superimpose(base, UNSEEN, keep("apng", keep_icc_profile=True, background="#fff"))
        counts.append(len(built))

    assert counts[1] == 2 * counts[0] > 0
