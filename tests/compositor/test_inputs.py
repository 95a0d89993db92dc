"""Pictures written by other programs, in every depth, colour space and orientation."""

import io
import itertools
import struct
from pathlib import Path
from typing import Any

import numpy as np
import png as pypng
import pytest
from PIL import Image, PngImagePlugin

from compositor import CompositorError, InvalidImage, Limits, SuperimposeParams, superimpose
from compositor.decoding.decode import Picture, decode
from compositor.files import SAFE_FORMATS
from tests.compositor.colour.spaces import (
    LINEAR,
    P3,
    SRGB,
    SRGB_CURVE,
    cicp,
    embedded,
    gamma,
    odd_cmyk_profile,
    png,
    profile,
)
from tests.compositor.pictures import PICTURES, animated, opened, pixels, plain, read, saved

ASTRONAUT = (Path(__file__).parent / "golden" / "in" / "astronaut.png").read_bytes()
SOURCE = opened(ASTRONAUT).crop((40, 0, 136, 96))
ROOMY = Limits(formats=(*SAFE_FORMATS, "TIFF", "JPEG2000", "BMP"))


def decoded(name: str, limits: Limits = ROOMY) -> Picture:
    return decode(read(name), "overlay_image", limits)


def levels(picture: Picture) -> np.ndarray:
    return np.asarray(picture.image).astype(int)


def by_pypng(file: bytes) -> np.ndarray:
    """(height, width, 4) int, 0 to 255, by a decoder written in Python that applies the gAMA chunk."""
    width, height, rows, info = pypng.Reader(bytes=file).asRGBA()
    table = np.array(list(itertools.chain.from_iterable(rows))).reshape(height, width, 4)
    levels = table / (2 ** info["bitdepth"] - 1)
    if "gamma" in info and abs(info["gamma"] * 2.2 - 1) > 0.05:
        light = levels[..., :3] ** (1 / info["gamma"])
        levels[..., :3] = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.rint(levels * 255).astype(int)


@pytest.mark.parametrize("file", sorted((PICTURES / "pngsuite").iterdir()), ids=lambda file: file.stem)
def test_the_png_suite_is_decoded_as_by_another_decoder(file: Path) -> None:
    data = file.read_bytes()
    ours = np.asarray(decode(data, "overlay_image", Limits()).image.convert("RGBA")).astype(int)
    theirs = by_pypng(data)
    visible = theirs[..., 3:] > 0
    assert np.abs((ours - theirs) * np.concatenate([visible] * 3 + [np.ones_like(visible)], -1)).max() <= 1


@pytest.mark.parametrize("name", ["l_trns", "i_trns", "rgb_trns", "p_trns_single"])
def test_one_transparent_colour_is_transparent_at_every_depth(name: str) -> None:
    data = read(f"pillow/{name}.png")
    ours = np.asarray(decode(data, "overlay_image", Limits()).image)
    assert (ours[..., 3] == by_pypng(data)[..., 3]).all()
    assert set(np.unique(ours[..., 3])) == {0, 255}


def test_one_transparent_colour_is_transparent_at_one_bit() -> None:
    ours = levels(decoded("pillow/1_trns.png"))
    assert (ours[..., 3] == 255 - ours[..., 0]).all()


@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize("suffix", ["jpg", "webp"])
def test_a_photograph_is_rotated_by_its_orientation(orientation: int, suffix: str) -> None:
    one = decoded(f"pillow/hopper_orientation_{orientation}.{suffix}").image
    other = decoded(f"pillow/hopper_orientation_2.{suffix}").image
    assert one.size == other.size
    assert np.abs(np.asarray(one).astype(int) - np.asarray(other)).mean() < 6


XMP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:Description tiff:Orientation=\"6\"/></x:xmpmeta>"


def with_xmp(image_format: str, orientation: int | None) -> bytes:
    """A wide picture with an orientation in XMP, and one or none in EXIF."""
    image, out = Image.new("RGB", (40, 20), "red"), io.BytesIO()
    options: dict[str, Any] = {"xmp": XMP}
    if image_format == "PNG":
        text = PngImagePlugin.PngInfo()
        text.add_itxt("XML:com.adobe.xmp", XMP.decode())
        options = {"pnginfo": text}
    if image_format == "TIFF":
        options = {"tiffinfo": {700: XMP}}
    if orientation:
        exif = Image.Exif()
        exif[0x112] = orientation
        options["exif"] = exif
    image.save(out, image_format, **options)
    assert b"tiff:Orientation" in out.getvalue()
    return out.getvalue()


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
def test_an_orientation_in_xmp_is_ignored(image_format: str) -> None:
    assert decode(with_xmp(image_format, None), "base_image", ROOMY).image.size == (40, 20)


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize(("orientation", "size"), [(1, (40, 20)), (3, (40, 20)), (8, (20, 40))])
def test_an_orientation_in_exif_overrides_xmp(
    image_format: str, orientation: int, size: tuple[int, int]
) -> None:
    assert decode(with_xmp(image_format, orientation), "base_image", ROOMY).image.size == size


def test_orientation_rotates_base_overlay_and_mask() -> None:
    turned = read("pillow/hopper_orientation_6.jpg")
    upright = levels(decoded("pillow/hopper_orientation_6.jpg"))
    params = SuperimposeParams(image_format="png")
    as_base = superimpose(turned, plain((9, 9), "red"), SuperimposeParams(image_format="png", x_offset=9999))
    black, white = (plain((upright.shape[1], upright.shape[0]), colour) for colour in ("black", "white"))
    as_overlay = superimpose(black, turned, params)
    as_mask = superimpose(black, white, params, turned)
    assert (pixels(as_base.data) == upright).all()
    assert (pixels(as_overlay.data) == upright).all()
    assert np.abs(pixels(as_mask.data)[..., 0] - upright @ [0.2126, 0.7152, 0.0722]).max() <= 1


@pytest.mark.parametrize("name", ["rot1mir0", "rot3mir0"])
def test_avif_rotation_and_mirroring_are_applied(name: str) -> None:
    one, other = decoded(f"pillow/{name}.avif"), decoded("pillow/rot0mir1.avif")
    assert one.image.size == other.image.size == (640, 427)
    assert np.abs(levels(one) - levels(other)).mean() < 12


@pytest.mark.parametrize(("name", "tolerance"), [("display-p3.png", 2), ("display-p3.jpg", 14)])
def test_display_p3_is_converted_back_to_the_original_srgb(name: str, tolerance: int) -> None:
    data = read(f"made/{name}")
    ours = np.asarray(decode(data, "base_image", Limits()).image).astype(int)
    unconverted = np.asarray(opened(data).convert("RGB")).astype(int)
    assert np.abs(ours - np.asarray(SOURCE)).max() <= tolerance
    assert np.abs(unconverted - np.asarray(SOURCE)).mean() > 2 * np.abs(ours - np.asarray(SOURCE)).mean()


def test_an_invalid_profile_is_ignored() -> None:
    image = opened(read("pillow/icc_profile.png"))
    out = saved(image, "PNG", icc_profile=b"no profile at all")
    broken = decode(out, "base_image", Limits()).image
    assert (np.asarray(broken) == np.asarray(image.convert(broken.mode))).all()


def test_a_profile_of_another_kind_is_ignored() -> None:
    whole = profile(SRGB, LINEAR)
    odd = whole[:16] + b"RG\xff " + whole[20:]
    assert set(levels_of(png(np.full((4, 4, 3), 64, np.uint8), embedded(odd))).ravel()) == {64}


def test_a_curve_longer_than_its_profile_takes_no_memory() -> None:
    endless = profile(SRGB, b"curv\0\0\0\0\xff\xff\xff\xff" + bytes(64))
    assert levels_of(png(np.full((4, 4, 3), 64, np.uint8), embedded(endless))).shape == (4, 4, 3)


def test_a_cmyk_jpeg_is_neither_inverted_nor_grey() -> None:
    picture = decoded("pillow/pil_sample_cmyk.jpg")
    assert picture.image.mode == "RGB"
    assert (levels(picture) == np.asarray(opened(read("pillow/pil_sample_cmyk.jpg")).convert("RGB"))).all()
    assert np.ptp(levels(picture), axis=-1).max() > 100


@pytest.mark.parametrize("name", ["progressive.jpg", "arithmetic.jpg"])
def test_a_losslessly_recoded_jpeg_gives_the_same_pixels(name: str) -> None:
    assert (levels(decoded(f"made/{name}")) == levels(decoded("made/baseline.jpg"))).all()


def test_a_grey_jpeg_becomes_grey_rgb() -> None:
    grey = levels(decoded("made/grey.jpg"))
    assert grey.shape == (96, 96, 3)
    assert np.ptp(grey, axis=-1).max() == 0


def test_a_12_bit_jpeg_is_refused_with_a_clear_text() -> None:
    with pytest.raises(InvalidImage, match="base_image: a 12-bit JPEG, only 8-bit"):
        decode(read("made/twelve-bit.jpg"), "base_image", Limits())


def test_16_bit_pngs_are_scaled_not_clipped() -> None:
    assert (levels(decoded("made/rgb-16.png")) == np.asarray(SOURCE)).all()
    assert (levels(decoded("made/rgba-16.png")) == levels(decoded("made/rgba.png"))).all()


@pytest.mark.parametrize("name", ["alpha.webp", "alpha.avif"])
def test_webp_and_avif_keep_their_alpha(name: str) -> None:
    ours, expected = levels(decoded(f"made/{name}")), levels(decoded("made/rgba.png"))
    assert (ours[..., 3] == expected[..., 3]).all()
    assert np.abs((ours - expected)[..., :3] * (expected[..., 3:] > 0)).max() <= 2


def test_a_gif_keeps_its_transparent_colour() -> None:
    picture = decoded("pillow/transparent.gif")
    assert picture.image.mode == "RGBA"
    assert set(np.unique(levels(picture)[..., 3])) == {0, 255}


@pytest.mark.parametrize(
    "name", ["made/animated.gif", "made/animated.webp", "pillow/apng.png", "pillow/dispose_bgnd.gif"]
)
def test_an_animation_is_reported_and_its_first_frame_used(name: str) -> None:
    base = plain((8, 8), "black")
    out = superimpose(base, read(name), SuperimposeParams(), read("made/rgba.png"))
    assert out.animated == ("overlay_image",)


@pytest.mark.parametrize(
    "name", ["made/alpha.webp", "pillow/transparent.gif", "made/rgba.png", "pillow/frame_size.mpo"]
)
def test_a_still_picture_is_not_reported_as_animated(name: str) -> None:
    assert not decoded(name).animated


def test_the_first_frame_of_an_animated_webp_is_complete() -> None:
    assert (levels(decoded("made/animated.webp"))[..., 3] == levels(decoded("made/rgba.png"))[..., 3]).all()


def small_first_frame(image_format: str, box: tuple[int, int, int, int]) -> bytes:
    """An animation of 12 x 10 whose opaque first frame covers only `box`."""
    frames = [Image.new("RGB", size, "red") for size in ((12, 10), (12, 10))]
    frames[1].putpixel((3, 3), (0, 0, 255))
    out = animated(frames, image_format, lossless=True)
    data = bytearray(out)
    left, top, right, bottom = box
    if image_format == "GIF":
        small = saved(Image.new("RGB", (right - left, bottom - top), "red"), "GIF")
        data = bytearray(small)
        data[6:10] = struct.pack("<HH", 12, 10)
        at = data.index(b"\x2c\0\0\0\0")
        data[at + 1 : at + 5] = struct.pack("<HH", left, top)
        return bytes(data)
    at = data.index(b"ANMF")
    length = int.from_bytes(data[at + 4 : at + 8], "little")
    small = saved(Image.new("RGB", (right - left, bottom - top), "red"), "WEBP", lossless=True)
    picture = small[12:]
    numbers = (left // 2, top // 2, right - left - 1, bottom - top - 1, 100)
    body = b"".join(number.to_bytes(3, "little") for number in numbers) + b"\0" + picture
    data[at : at + 8 + length + length % 2] = b"ANMF" + struct.pack("<I", len(body)) + body
    data[4:8] = struct.pack("<I", len(data) - 8)
    return bytes(data)


@pytest.mark.parametrize("image_format", ["GIF", "WEBP"])
@pytest.mark.parametrize("box", [(2, 4, 9, 8), (0, 0, 4, 10), (4, 2, 12, 10)])
def test_pixels_that_the_first_frame_does_not_cover_are_transparent(
    image_format: str, box: tuple[int, int, int, int]
) -> None:
    ours = np.asarray(decode(small_first_frame(image_format, box), "base_image", Limits()).image)
    assert ours.shape == (10, 12, 4)
    alpha = np.zeros((10, 12), int)
    alpha[box[1] : box[3], box[0] : box[2]] = 255
    assert (ours[..., 3] == alpha).all()
    assert (ours[alpha > 0][:, :3] == [255, 0, 0]).all()


@pytest.mark.parametrize("frames", [1, 3])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_the_first_frame_of_an_apng_is_used_if_its_default_image_is_none(frames: int, mode: str) -> None:
    default, *shown = (
        Image.new("RGB", (9, 7), colour).convert(mode)
        for colour in ("red", "blue", "lime", "gray")[: frames + 1]
    )
    out = saved(default, "PNG", save_all=True, default_image=True, append_images=shown)
    picture = decode(out, "base_image", Limits())
    assert (np.asarray(picture.image) == np.asarray(shown[0].convert(picture.image.mode))).all()
    assert picture.animated == (frames > 1)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "1"])
@pytest.mark.parametrize("box", [(2, 4, 9, 8), (0, 0, 4, 10), (4, 2, 12, 10)])
def test_a_small_first_frame_of_an_apng_is_surrounded_by_transparency(
    mode: str, box: tuple[int, int, int, int]
) -> None:
    colour = {"P": 0, "1": 1, "L": 77}.get(mode, (10, 200, 30, 255)[: len(mode)])
    small = Image.new(mode, (box[2] - box[0], box[3] - box[1]), colour)
    default = saved(Image.new(mode, (12, 10)), "PNG")
    drawn = saved(small, "PNG")
    header, *rest = pypng.Reader(bytes=default).chunks()
    control = struct.pack(">5I2H2B", 0, small.width, small.height, box[0], box[1], 1, 10, 0, 0)
    pixels = b"".join(body for name, body in pypng.Reader(bytes=drawn).chunks() if name == b"IDAT")
    parts = [
        header,
        (b"acTL", struct.pack(">2I", 1, 0)),
        *rest[:-1],
        (b"fcTL", control),
        (b"fdAT", struct.pack(">I", 1) + pixels),
        rest[-1],
    ]
    file = io.BytesIO()
    pypng.write_chunks(file, parts)

    ours = decode(file.getvalue(), "base_image", Limits()).image

    assert ours.mode == "RGBA"
    assert (np.asarray(ours.crop(box)) == np.asarray(small.convert("RGBA"))).all()
    alpha = np.zeros((10, 12), int)
    alpha[box[1] : box[3], box[0] : box[2]] = 255
    assert (np.asarray(ours)[..., 3] == alpha).all()


@pytest.mark.parametrize(
    "first",
    [
        [(b"PLTE", struct.pack(">2I5B", 60_000, 60_000, 8, 6, 0, 0, 0))],
        [(b"tEXt", b"a\0b"), (b"IHDR", struct.pack(">2I5B", 60_000, 60_000, 8, 6, 0, 0, 0))],
    ],
    ids=["none", "the second"],
)
def test_a_png_whose_header_is_not_first_defines_no_canvas(first: list[tuple[bytes, bytes]]) -> None:
    """Limits are checked with the header at its place; otherwise a canvas of any size would be allocated."""
    drawn = saved(Image.new("RGBA", (4, 4)), "PNG")
    pixels = b"".join(body for name, body in pypng.Reader(bytes=drawn).chunks() if name == b"IDAT")
    parts = [
        *first,
        (b"acTL", struct.pack(">2I", 1, 0)),
        (b"IDAT", b""),
        (b"fcTL", struct.pack(">5I2H2B", 0, 4, 4, 0, 0, 1, 10, 0, 0)),
        (b"fdAT", struct.pack(">I", 1) + pixels),
        (b"IEND", b""),
    ]
    file = io.BytesIO()
    pypng.write_chunks(file, parts)

    with pytest.raises(CompositorError):
        decode(file.getvalue(), "base_image", Limits())


def test_the_first_picture_of_a_multi_picture_jpeg_is_used() -> None:
    assert decoded("pillow/frame_size.mpo").image.size == (56, 70)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("made/lzw.tif", "TIFF"),
        ("pillow/16bit.cropped.tif", "TIFF"),
        ("pillow/16bit.cropped.jp2", "JPEG2000"),
    ],
)
def test_a_format_beyond_the_safe_ones_is_refused_by_name_until_allowed(name: str, kind: str) -> None:
    with pytest.raises(InvalidImage, match=f"overlay_image: {kind} file, allowed are JPEG, PNG"):
        decoded(name, Limits())
    assert decoded(name).image.mode == "RGB"


def test_16_bit_grey_tiff_and_jpeg_2000_are_scaled() -> None:
    tiff, jp2 = (levels(decoded(f"pillow/16bit.cropped.{suffix}"))[..., 0] for suffix in ("tif", "jp2"))
    raw = np.asarray(opened(read("pillow/16bit.cropped.tif")))
    assert np.abs(tiff - raw / 257).max() <= 0.5
    assert tiff.max() < 255
    assert np.abs(jp2 - tiff).max() <= 1


@pytest.mark.parametrize("name", ["invalid-exif.jpg", "uncompressed_la.png"])
def test_unusual_but_complete_files_are_read(name: str) -> None:
    assert decoded(f"pillow/{name}").image.size > (1, 1)


def test_heif_is_read_when_allowed() -> None:
    data = read("RGB_8__29x100.heif")
    with pytest.raises(InvalidImage, match="mask: HEIF file, allowed are JPEG"):
        decode(data, "mask", Limits())
    assert decode(data, "mask", Limits(formats=(*SAFE_FORMATS, "HEIF"))).image.size == (29, 100)


@pytest.mark.parametrize("name", ["EPS", "PSD", "PDF", "SVG", "DDS", "FITS", "WMF", "MPO", "ICO", "PPM"])
def test_an_unknown_format_cannot_be_allowed(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} cannot be read; allowed are JPEG"):
        Limits(formats=("PNG", name))


def test_a_cmyk_jpeg_is_converted_by_its_profile() -> None:
    profile = odd_cmyk_profile()
    out = saved(Image.new("CMYK", (8, 8), (255, 0, 0, 0)), "JPEG", icc_profile=profile, quality=100)

    image = decode(out, "base_image", Limits()).image

    assert image.getpixel((4, 4)) == pytest.approx((119, 119, 119), abs=2)  # L* 50; else it would be cyan


def test_a_cmyk_jpeg_with_a_broken_profile_is_read_as_if_it_had_none() -> None:
    profile = odd_cmyk_profile()
    out = saved(Image.new("CMYK", (8, 8), (255, 0, 0, 0)), "JPEG", icc_profile=profile[:200], quality=100)

    image = decode(out, "base_image", Limits()).image

    assert image.getpixel((4, 4)) == (0, 255, 255)


def encoded(light: np.ndarray) -> np.ndarray:
    """sRGB levels, 0 - 255, of linear light, 0 - 1 (IEC 61966-2-1)."""
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


DARK = np.broadcast_to(
    np.arange(4096, dtype=np.uint16).reshape(64, 64, 1), (64, 64, 3)
)  # a 16th of the light


@pytest.mark.parametrize("bands", [1, 2, 3, 4])
def test_16_bits_are_reduced_only_after_their_curve_is_applied(bands: int) -> None:
    opaque = np.full((64, 64, 1), 65535, np.uint16)
    levels = np.dstack([DARK[..., : bands - (bands % 2 == 0)], *([] if bands % 2 else [opaque])])
    image = decode(png(levels, gamma(100_000)), "base_image", Limits()).image
    ours = np.asarray(image).astype(int)
    assert image.mode == ("RGB" if bands % 2 else "RGBA")
    assert np.abs(ours[..., :3] - encoded(DARK / 65535)).max() <= 0.6
    assert len(np.unique(ours[..., 0])) > 70


def test_16_bit_grey_of_another_format_is_converted_by_its_profile() -> None:
    out = saved(Image.fromarray(DARK[..., 0]), "TIFF", icc_profile=profile(None, LINEAR))
    ours = np.asarray(decode(out, "base_image", ROOMY).image)
    assert np.abs(ours[..., 0] - encoded(DARK[..., 0] / 65535)).max() <= 0.6


def test_a_transparent_colour_of_16_bits_is_compared_with_all_bits() -> None:
    levels = np.array([[[0x1234, 0x5678, 0x9ABC], [0x1235, 0x5678, 0x9ABC]]], np.uint16)
    key = (b"tRNS", levels[0, 0].astype(">u2").tobytes())
    assert levels_of(png(levels, key))[..., 3].tolist() == [[0, 255]]
    assert levels_of(png(levels[..., 0], (b"tRNS", b"\x12\x34")))[..., 3].tolist() == [[0, 255]]


def levels_of(file: bytes) -> np.ndarray:
    return levels(decode(file, "base_image", Limits()))


@pytest.mark.parametrize("name", ["sRGB IEC61966-2.1", "Linear"])
def test_a_profile_is_recognised_as_srgb_by_its_effect_and_not_its_name(name: str) -> None:
    grey = np.full((4, 4, 3), 64, np.uint8)
    linear, srgb = (embedded(profile(SRGB, curve, name)) for curve in (LINEAR, SRGB_CURVE))
    assert set(levels_of(png(grey, linear)).ravel()) == {137}
    assert set(levels_of(png(grey, srgb)).ravel()) == {64}


def test_heif_is_converted_from_the_space_of_its_code_points() -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.register_heif_opener()
    heif, heif_p3 = io.BytesIO(), io.BytesIO()
    SOURCE.save(heif, "HEIF", quality=100, chroma=444)
    SOURCE.save(heif_p3, "HEIF", quality=100, chroma=444, color_primaries=12, transfer_characteristics=13)
    allowed = Limits(formats=(*SAFE_FORMATS, "HEIF"))
    plain, p3 = (levels(decode(each.getvalue(), "mask", allowed)) for each in (heif, heif_p3))
    expected = levels_of(png(plain.astype(np.uint8), embedded(profile(P3, SRGB_CURVE))))
    assert np.abs(p3 - expected).mean() < 0.1
    assert np.abs(p3 - plain).mean() > 2


def test_light_above_white_keeps_its_hue() -> None:
    """PQ of 4,000 cd/m2 in red and half of that in green, which clipping would turn yellow."""
    picture = np.array([[[230, 205, 0]]], np.uint8)
    red, green, blue = levels_of(png(picture, cicp(9, 16)))[0, 0]
    assert red == 255
    assert 150 < green < 225
    assert blue < 60
