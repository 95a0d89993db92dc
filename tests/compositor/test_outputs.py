"""The output files: format, colour space, and no metadata of the inputs."""

import datetime
import io
import struct
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from compositor import SuperimposeParams, superimpose
from compositor.encode import Marks, encode
from tests.compositor.colour import spaces
from tests.compositor.pictures import opened, pixels, plain, png, read, saved

FORMATS = ["jpeg", "png", "webp", "avif"]


def made(base: bytes, overlay: bytes | None = None, **params: Any) -> bytes:
    return superimpose(base, overlay or plain((1, 1), "red"), SuperimposeParams(**params)).data


@pytest.mark.parametrize("image_format", FORMATS)
def test_the_output_has_the_declared_format_and_type(image_format: str) -> None:
    out = superimpose(
        plain((9, 7), "red"), plain((2, 2), "blue"), SuperimposeParams(image_format=image_format)
    )
    image = opened(out.data)
    assert image.format == image_format.upper()
    assert out.content_type == f"image/{image_format}" == image.get_format_mimetype()
    assert (out.width, out.height) == image.size == (9, 7)
    assert set(out.seconds) == {"decode", "compose", "encode"}


@pytest.mark.parametrize("image_format", ["jpeg", "webp"])
def test_jpeg_and_webp_carry_an_srgb_profile(image_format: str) -> None:
    profile = opened(made(plain((4, 4), "red"), image_format=image_format)).info["icc_profile"]
    name = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile)))
    assert name.startswith("sRGB")


@pytest.mark.parametrize("image_format", ["jpeg", "webp"])
def test_the_srgb_profile_has_a_constant_valid_date(image_format: str) -> None:
    profile = opened(made(plain((4, 4), "red"), image_format=image_format)).info["icc_profile"]
    year, *rest = struct.unpack_from(">6H", profile, 24)
    assert datetime.datetime(year, *rest, tzinfo=datetime.UTC).year > 2000


def test_png_and_avif_are_marked_as_srgb() -> None:
    assert b"sRGB\0" in made(plain((4, 4), "red"), image_format="png")[:60]
    assert b"nclx" + struct.pack(">HHH", 1, 13, 6) in made(plain((4, 4), "red"), image_format="avif")


@pytest.mark.parametrize("image_format", FORMATS)
def test_the_same_job_gives_the_same_bytes(image_format: str) -> None:
    base = read("made/rgba.png")
    assert made(base, image_format=image_format) == made(base, image_format=image_format)


@pytest.mark.parametrize("image_format", ["png", "webp", "avif"])
def test_alpha_is_kept_if_the_format_supports_it(image_format: str) -> None:
    alpha = pixels(read("made/rgba.png"))[..., 3]
    out = made(read("made/rgba.png"), image_format=image_format, x_offset=999, image_quality=100)
    assert np.abs(pixels(out)[..., 3] - alpha).max() <= 1


@pytest.mark.parametrize(
    ("image_format", "background", "expected"),
    [("jpeg", None, 255), ("jpeg", "#000", 0), ("png", "#0000ff", 0), ("webp", "#808080", 128)],
)
def test_a_transparent_base_is_flattened_on_the_background(
    image_format: str, background: str | None, expected: int
) -> None:
    out = made(plain((16, 16), (0, 0, 0, 0), "RGBA"), image_format=image_format, background=background)
    image = opened(out)
    assert image.mode == "RGB"
    assert abs(np.asarray(image)[8, 8, 0].astype(int) - expected) <= 2


@pytest.mark.parametrize(("quality", "full"), [(95, True), (90, True), (89, False)])
def test_jpeg_keeps_full_chroma_from_quality_90(quality: int, full: bool) -> None:
    image = opened(made(plain((32, 32), "red"), image_quality=quality))
    assert (image.layer[0][1:3] == (1, 1)) == full  # type: ignore[attr-defined]


def test_quality_makes_smaller_files() -> None:
    base = read("made/baseline.jpg")
    for image_format in ("jpeg", "webp", "avif"):
        sizes = [len(made(base, image_format=image_format, image_quality=each)) for each in (30, 95)]
        assert sizes[0] < sizes[1]


def described(**tags: str) -> bytes:
    """A JPEG with EXIF tags, an ICC profile and a comment."""
    exif = Image.Exif()
    numbers = {"artist": 0x013B, "copyright": 0x8298, "camera": 0x0110}
    exif.update({numbers[name]: value for name, value in tags.items()})
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    return saved(Image.new("RGB", (8, 8)), "JPEG", exif=exif, icc_profile=profile, comment=b"secret")


@pytest.mark.parametrize("image_format", FORMATS)
def test_the_output_has_no_metadata_of_the_inputs(image_format: str) -> None:
    private = described(artist="secret", copyright="secret", camera="secret")
    out = made(private, private, image_format=image_format)
    assert b"secret" not in out
    assert len(opened(out).getexif()) == 0
    assert b"XYZ identity" not in opened(out).info.get("icc_profile", b"")


@pytest.mark.parametrize("image_format", FORMATS)
def test_artist_and_copyright_are_kept_on_request(image_format: str) -> None:
    private = described(artist="Ada", copyright="(c) Ada", camera="secret")
    out = made(private, image_format=image_format, keep_copyright=True)
    assert dict(opened(out).getexif()) == {0x013B: "Ada", 0x8298: "(c) Ada"}
    assert b"secret" not in out


def with_exif(image_format: str, exif: bytes) -> bytes:
    return saved(Image.new("RGB", (8, 8)), image_format, exif=exif)


@pytest.mark.parametrize("source", ["JPEG", "PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize("image_format", FORMATS)
@pytest.mark.parametrize("text", ["\u00a9 2026 Z\u00fcrich Stra\u00dfe", "\u00a9 \u6771\u4eac \u5199\u771f"])
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_a_copyright_in_any_encoding_is_kept_byte_for_byte(
    source: str, image_format: str, text: str, encoding: str
) -> None:
    written = text.encode(encoding, "replace") + b"\0"
    entry = struct.pack(">HHII", 0x8298, 2, len(written), 26)
    block = b"Exif\0\0" + struct.pack(">2sHIH", b"MM", 42, 8, 1) + entry + bytes(4) + written
    out = made(with_exif(source, block), image_format=image_format, keep_copyright=True)
    assert written in out


@pytest.mark.parametrize("image_format", FORMATS)
def test_a_base_without_credits_results_in_none(image_format: str) -> None:
    out = made(described(camera="secret"), image_format=image_format, keep_copyright=True)
    assert len(opened(out).getexif()) == 0


@pytest.mark.parametrize("image_format", FORMATS)
def test_the_base_keeps_its_profile_and_pixels_on_request(image_format: str) -> None:
    base = opened(read("made/display-p3.png"))
    params = {"image_format": image_format, "image_quality": 100, "keep_icc_profile": True}
    out = opened(made(read("made/display-p3.png"), x_offset=999, **params))
    assert out.info["icc_profile"] == base.info["icc_profile"]
    assert np.abs(np.asarray(out).astype(int) - np.asarray(base)).mean() < 2


def test_an_overlay_is_converted_to_the_kept_profile() -> None:
    base = read("made/display-p3.png")
    red = plain((96, 96), (200, 40, 30))
    kept = opened(made(base, red, image_format="png", keep_icc_profile=True))
    assert np.asarray(kept)[0, 0].tolist() != [200, 40, 30]
    shown = ImageCms.profileToProfile(
        kept, io.BytesIO(kept.info["icc_profile"]), ImageCms.createProfile("sRGB")
    )
    assert np.abs(np.asarray(shown)[0, 0].astype(int) - [200, 40, 30]).max() <= 1


def seen(file: bytes) -> np.ndarray:
    """(height, width, 3) int sRGB levels, converted by the file's profile."""
    image = opened(file)
    source = io.BytesIO(image.info["icc_profile"])
    return np.asarray(ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"))).astype(int)


@pytest.mark.parametrize("image_format", ["png", "jpeg"])
def test_a_background_is_converted_to_the_kept_profile(image_format: str) -> None:
    clear = io.BytesIO()
    profile = opened(read("made/display-p3.png")).info["icc_profile"]
    Image.new("RGBA", (16, 16), (0, 0, 0, 0)).save(clear, "PNG", icc_profile=profile)
    params = {"image_format": image_format, "image_quality": 100, "keep_icc_profile": True}
    out = made(clear.getvalue(), background="#c8281e", x_offset=99, **params)
    assert np.abs(seen(out)[8, 8] - [200, 40, 30]).max() <= 2


@pytest.mark.parametrize("image_format", FORMATS)
def test_a_space_declared_by_code_points_is_kept_as_a_profile(image_format: str) -> None:
    picture = opened(read("made/display-p3.png"))
    base = spaces.png(np.asarray(picture), spaces.cicp(12, 13))
    params = {"image_format": image_format, "image_quality": 100, "keep_icc_profile": True, "x_offset": 999}
    out = made(base, **params)
    assert np.abs(np.asarray(opened(out)).astype(int) - np.asarray(picture)).mean() < 2
    converted = pixels(made(base, image_format="png", x_offset=999))
    assert np.abs(seen(out) - converted).mean() < 3


def test_an_hdr_base_is_converted_to_srgb_even_if_its_profile_should_be_kept() -> None:
    base = spaces.png(np.full((4, 4, 3), 128, np.uint8), spaces.cicp(9, 16))
    out = made(base, image_format="png", keep_icc_profile=True, x_offset=999)
    assert b"sRGB" in out[:60]
    assert (pixels(out) == pixels(made(base, image_format="png", x_offset=999))).all()


def test_a_profile_that_is_no_conversion_target_is_not_kept() -> None:
    flat = spaces.profile(spaces.SRGB, spaces.SRGB_CURVE)
    red = flat[flat.index(b"rXYZ") :][4:12]
    for band in (b"gXYZ", b"bXYZ"):  # every primary is the red one
        at = flat.index(band) + 4
        flat = flat[:at] + red + flat[at + 8 :]
    base = spaces.png(np.full((4, 4, 3), 128, np.uint8), spaces.embedded(flat))
    assert b"sRGB" in made(base, image_format="png", keep_icc_profile=True, background="#fff")[:60]


def test_an_srgb_base_keeps_our_srgb_profile() -> None:
    assert b"sRGB" in made(read("made/rgba.png"), image_format="png", keep_icc_profile=True)[:60]


def test_a_png_too_large_for_fpng_is_the_same_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    canvas = opened(read("made/rgba.png"))
    small = encode(canvas, "png", 95, Marks())
    monkeypatch.setattr("compositor.encode._FPNG_MAX_BYTES", 1)
    large = encode(canvas, "png", 95, Marks())
    assert large != small
    assert (pixels(large) == pixels(small)).all()
    assert b"sRGB\0" in large[:60]


def test_the_png_is_readable_by_a_strict_reader() -> None:
    out = made(
        described(artist="Ada"), png(np.zeros((3, 3, 4), np.uint8)), image_format="png", keep_copyright=True
    )
    opened(out).verify()


def webp(canvas: Image.Image, quality: int) -> tuple[int, int]:
    """Bytes of the file, and the largest error of a band in levels."""
    file = encode(canvas, "webp", quality, Marks())
    decoded = np.asarray(opened(file).convert(canvas.mode), int)
    return len(file), int(abs(decoded - np.asarray(canvas, int)).max())


@pytest.mark.parametrize("quality", [90, 95, 99, 100])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_hard_colour_edges_of_graphics_are_exact_in_a_webp_of_high_quality(mode: str, quality: int) -> None:
    graphics = np.zeros((120, 160, len(mode)), np.uint8)
    graphics[..., 2:] = 255
    graphics[20:100, 31:97] = [255, 0, 0, 255][: len(mode)]

    assert webp(Image.fromarray(graphics), quality)[1] == 0


def test_a_photograph_is_lossless_only_in_a_webp_of_quality_100() -> None:
    photograph = opened(read("made/baseline.jpg")).convert("RGB")
    sizes, errors = zip(*(webp(photograph, quality) for quality in (90, 99, 100)), strict=True)

    assert errors[2] == 0 < errors[1]
    assert sizes[0] < sizes[1] < sizes[2]


def test_a_photograph_on_white_is_not_taken_for_graphics() -> None:
    photograph = opened(read("made/baseline.jpg")).convert("RGB").resize((400, 300))
    product = Image.new("RGB", (800, 800), "white")
    product.paste(photograph, (200, 250))

    size, error = webp(product, 95)
    lossless, _ = webp(product, 100)
    assert error > 0
    assert size < lossless / 2
