"""The rules of sizes, places, masks and files that docs/parameters.md summarises."""

import io

import pytest
from PIL import Image, ImageCms

from compositor import SuperimposeParams, superimpose
from tests.compositor.pictures import animated, opened, png, saved

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def plain(mode, size, colour):
    return png(Image.new(mode, size, colour))


def made(base, overlay, mask=None, **params):
    """The output as RGBA pixels."""
    answer = superimpose(base, overlay, SuperimposeParams(**{"image_format": "png"} | params), mask)
    return opened(answer.data).convert("RGBA")


@pytest.mark.parametrize(
    ("params", "overlay", "base", "size"),
    [
        ({"overlay_resize": "None"}, (7, 5), (3, 3), (7, 5)),
        ({"overlay_resize": "Fit"}, (4, 2), (5, 9), (5, 2)),  # 2.5
        ({"overlay_resize": "Fit"}, (4, 2), (7, 9), (7, 4)),  # 3.5
        ({"rescale_factor": 0.58}, (100, 50), (9, 9), (57, 28)),  # 28.999...
        ({"rescale_factor": 0.99}, (1, 100), (9, 9), (1, 99)),
        ({"rescale_factor": 0.001}, (10, 10), (9, 9), (1, 1)),
        ({"scale_to": 0.5}, (4, 2), (10, 9), (5, 2)),  # 2.5
        ({"scale_to": 0.5}, (4, 2), (14, 9), (7, 4)),  # 3.5
        ({"scale_to": 0.75}, (11, 26), (10, 31), (8, 18)),  # 7.5 and 17.7
        ({"overlay_resize": "Resize to width & heigth", "width": 3, "height": 9}, (4, 2), (5, 5), (3, 9)),
    ],
)
def test_a_size_is_rounded_by_its_rule(params, overlay, base, size):
    assert SuperimposeParams(**params).layer().sized(overlay, base) == size


@pytest.mark.parametrize("params", [{"overlay_resize": "Fit"}, {"scale_to": 1.0}])
def test_fit_and_scale_to_apply_before_the_rotation(params):
    """After a quarter turn, a bar as wide as the base is upright."""
    answer = made(plain("RGB", (20, 20), BLUE), plain("RGB", (20, 10), RED), rotation=90, **params)

    assert answer.getpixel((9, 19))[:3] == RED
    assert answer.getpixel((10, 0))[:3] == BLUE


@pytest.mark.parametrize(
    ("base", "overlay", "x"), [((5, 5), (2, 2), 1), ((6, 6), (2, 2), 2), ((2, 2), (5, 5), -2)]
)
def test_the_smaller_half_of_an_odd_remainder_is_left_and_above(base, overlay, x):
    assert SuperimposeParams(gravity="center").layer().place(overlay, base) == (x, x)


@pytest.mark.parametrize(("width", "x"), [(50, 2), (70, 4)])
def test_percents_are_rounded_half_to_even(width, x):
    assert SuperimposeParams(x_percent=5).layer().place((1, 1), (width, 10))[0] == x


def test_the_background_is_put_under_the_finished_picture():
    half = Image.new("RGBA", (2, 1), (0, 0, 0, 0))
    half.putpixel((0, 0), (*BLUE, 255))

    answer = made(png(half), plain("RGB", (2, 1), RED), blend_mode="multiply", background="#00ff00")

    assert [answer.getpixel((x, 0))[:3] for x in (0, 1)] == [(0, 0, 0), RED]


@pytest.mark.parametrize(("inverted", "alphas"), [(False, (255, 0, 0, 0)), (True, (0, 0, 255, 0))])
def test_transparent_pixels_of_a_mask_hide_even_if_it_is_inverted(inverted, alphas):
    mask = Image.new("RGBA", (4, 1))
    for x, colour in enumerate([(*WHITE, 255), (*WHITE, 0), (0, 0, 0, 255), (0, 0, 0, 0)]):
        mask.putpixel((x, 0), colour)

    answer = made(
        plain("RGBA", (4, 1), (0, 0, 0, 0)), plain("RGB", (4, 1), RED), png(mask), invert_mask=inverted
    )

    assert tuple(answer.getchannel("A").tobytes()) == alphas


@pytest.mark.parametrize(("colour", "alpha"), [(RED, 54), (GREEN, 182), (BLUE, 18)])
def test_a_masks_alpha_is_its_luminance(colour, alpha):
    answer = made(
        plain("RGBA", (1, 1), (0, 0, 0, 0)), plain("RGB", (1, 1), RED), plain("RGB", (1, 1), colour)
    )

    assert abs(answer.getpixel((0, 0))[3] - alpha) <= 1


def test_partial_alpha_times_a_mask_is_rounded_to_the_nearest_level():
    answer = made(
        plain("RGBA", (1, 1), (0, 0, 0, 0)),
        plain("RGBA", (1, 1), (*RED, 100)),
        plain("RGB", (1, 1), (127,) * 3),
    )

    assert answer.getpixel((0, 0))[3] == 50  # 49.8


def test_half_of_full_alpha_is_truncated():
    answer = made(plain("RGBA", (1, 1), (0, 0, 0, 0)), plain("RGB", (1, 1), RED), opacity=0.5)

    assert answer.getpixel((0, 0))[3] == 127


@pytest.mark.parametrize("which", ["base", "overlay", "mask"])
def test_each_input_is_rotated_by_its_orientation(which):
    wide = Image.new("RGB", (8, 4), WHITE)
    wide.paste((0, 0, 0), (0, 0, 4, 4))
    exif = Image.Exif()
    exif[0x0112] = 6  # stands on its right side
    turned = saved(wide, "PNG", exif=exif.tobytes())
    upright = png(wide.transpose(Image.Transpose.ROTATE_270))
    others = {"base": plain("RGB", (8, 8), RED), "overlay": plain("RGB", (4, 8), BLUE), "mask": None}

    one, other = (made(**{**others, which: given}) for given in (turned, upright))

    assert one.size == other.size
    assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "avif"])
def test_an_output_has_8_bits_and_no_metadata_but_its_colour_space(kind):
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "a camera"
    base = saved(Image.new("RGB", (8, 8), RED), "PNG", dpi=(300, 300), exif=exif.tobytes())

    answer = superimpose(base, plain("RGB", (1, 1), RED), SuperimposeParams(image_format=kind))

    with opened(answer.data) as image:
        assert image.mode == "RGB"
        assert not image.getexif()
        assert image.info.get("dpi") in (None, (1, 1), (72, 72))  # JFIF has a field for it: 1:1, no unit
        profile = image.info.get("icc_profile")
        name = ImageCms.getProfileName(ImageCms.ImageCmsProfile(io.BytesIO(profile))) if profile else ""
    assert (name or "sRGB").startswith("sRGB")
    assert {"png": b"sRGB", "avif": b"nclx"}.get(kind, b"") in answer.data


def test_cmyk_without_a_profile_is_converted_by_the_plain_formula():
    base = saved(Image.new("CMYK", (16, 16), (0, 100, 200, 50)), "JPEG", quality=100)

    pixel = made(base, plain("RGB", (1, 1), RED), x_offset=15, y_offset=15).getpixel((4, 4))

    assert all(abs(a - b) <= 3 for a, b in zip(pixel, (205, 125, 44, 255), strict=True)), pixel


def test_pixels_are_blended_as_levels_and_not_as_light():
    answer = made(plain("RGB", (1, 1), WHITE), plain("RGB", (1, 1), (0, 0, 0)), opacity=0.5)

    assert abs(answer.getpixel((0, 0))[0] - 128) <= 1


@pytest.mark.parametrize(("degrees", "size"), [(90, (4, 8)), (180, (8, 4)), (270, (4, 8))])
def test_quarter_turns_change_no_pixel(degrees, size):
    overlay = Image.effect_noise((8, 4), 90).convert("RGB")

    answer = made(plain("RGB", size, WHITE), png(overlay), rotation=degrees)

    assert answer.convert("RGB").tobytes() == overlay.rotate(degrees, expand=True).tobytes()


def test_the_first_frame_of_an_animation_is_used_and_the_input_named():
    frames = [Image.new("RGB", (4, 4), colour) for colour in (RED, BLUE)]
    moving = animated(frames, "WEBP", lossless=True)

    answer = superimpose(moving, plain("RGB", (1, 1), RED), SuperimposeParams(image_format="png"))

    assert answer.animated == ("base_image",)
    assert opened(answer.data).getpixel((2, 2))[:3] == RED
