"""Refused files: clear texts, early refusal, and no masking of other errors."""

import random
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from compositor import CompositorError, ImageTooLarge, InvalidImage, Limits, SuperimposeParams, superimpose
from compositor.decoding.decode import decode
from tests.compositor.pictures import plain, png, read, saved
from tests.worker.hostile.fuzzed import WHOLE as FUZZED_FILES
from tests.worker.hostile.fuzzed import mutated

WHOLE = {
    "made/baseline.jpg": "JPEG",
    "made/progressive.jpg": "JPEG",
    "made/rgba.png": "PNG",
    "pngsuite/basi3p08.png": "PNG",
    "made/alpha.webp": "WEBP",
    "made/rgb.avif": "AVIF",
    "pillow/transparent.gif": "GIF",
}


def png_claiming(width: int, height: int) -> bytes:
    """A PNG header of any size without pixels."""
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))


@pytest.mark.parametrize("input", ["base_image", "overlay_image", "mask"])
def test_the_text_names_the_input_what_was_found_and_what_is_allowed(input: str) -> None:
    files = dict.fromkeys(("base_image", "overlay_image", "mask"), plain((4, 4), "red"))
    files[input] = b"just a text file called .png"
    with pytest.raises(InvalidImage) as caught:
        superimpose(files["base_image"], files["overlay_image"], SuperimposeParams(), files["mask"])
    assert caught.value.input == input
    assert caught.value.code == "invalid_image"
    assert str(caught.value).startswith(
        f"{input}: not an image file of a known format, allowed are JPEG, PNG"
    )


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "the file is empty"),
        (
            b"<!doctype html><p>Not found",
            "a web page, not a picture; give the address of the image file itself, allowed are JPEG",
        ),
        (b"  <svg xmlns='x'/>", "SVG file, allowed are"),
        (b"%PDF-1.7", "PDF file, allowed are"),
        (b"\0\0\0\x18ftypheic", "HEIF file, allowed are"),
        (b"\x89PNG\r\n\x1a\n", "PNG file, damaged or cut short"),
        (b"GIF89a", "GIF file, damaged or cut short"),
        (b"\xff\xd8\xff\xe0", "JPEG file, damaged or cut short"),
        (b"RIFF\x04\0\0\0WEBPVP8X", "WEBP file, damaged or cut short"),
        (b"\xff\x0aabc", "JPEG XL file, allowed are"),
        (b"\0\0\0\x18ftypavif", "AVIF file, damaged or cut short"),
    ],
)
def test_the_text_names_the_apparent_format(data: bytes, words: str) -> None:
    with pytest.raises(InvalidImage, match=f"^mask: {words}"):
        decode(data, "mask", Limits())


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("kept", [0.05, 0.3, 0.6, 0.9, 0.97])
def test_a_file_cut_short_is_refused(name: str, kept: float) -> None:
    data = read(name)
    with pytest.raises(InvalidImage, match=f"{WHOLE[name]} file, damaged or cut short"):
        decode(data[: int(len(data) * kept)], "base_image", Limits())


@pytest.mark.parametrize("name", ["made/rgba.png", "pngsuite/basi3p08.png", "pngsuite/basn0g16.png"])
def test_a_png_whose_checksum_is_wrong_is_refused(name: str) -> None:
    data = bytearray(read(name))
    end_of_pixels = data.rindex(b"IEND") - 8
    data[end_of_pixels] ^= 0xFF
    with pytest.raises(InvalidImage):
        decode(bytes(data), "base_image", Limits())


def test_too_many_pixels_are_refused_from_the_header_alone() -> None:
    with pytest.raises(ImageTooLarge) as caught:
        decode(png_claiming(30_000, 30_000), "overlay_image", Limits())
    assert str(caught.value).startswith("overlay_image: 30000 x 30000 = 900 MP, at most 50 MP")
    assert caught.value.code == "image_too_large"


def test_too_long_a_side_is_refused() -> None:
    with pytest.raises(ImageTooLarge, match="base_image: 20000 x 1, at most 16384 pixels on a side"):
        decode(png_claiming(20_000, 1), "base_image", Limits())


def test_too_many_bytes_are_refused() -> None:
    with pytest.raises(ImageTooLarge, match="mask: 1,000 bytes, at most 999"):
        decode(bytes(1000), "mask", Limits(max_bytes=999))


def headers() -> list[bytes]:
    extended = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + b"\x0f\x27\x00" * 2
    lossless = b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f" + struct.pack("<I", 9999 | 9999 << 14)
    lossy = b"RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 10_000, 10_000)
    jpeg = b"\xff\xd8\xff\xe0\0\x04ab\xff\xff\xc2\0\x11\x08" + struct.pack(">HH", 10_000, 10_000)
    return [extended, lossless, lossy, jpeg, b"GIF89a" + struct.pack("<HH", 10_000, 10_000)]


@pytest.mark.parametrize("header", headers())
def test_every_formats_header_is_read_before_a_decoder_runs(header: bytes) -> None:
    with pytest.raises(ImageTooLarge, match="10000 x 10000 = 100 MP"):
        decode(header + bytes(20), "base_image", Limits())


def test_a_gif_frame_larger_than_its_screen_is_refused() -> None:
    out = saved(Image.new("L", (3000, 3000)), "GIF")
    data = bytearray(out)
    data[6:10] = struct.pack("<HH", 1, 1)
    with pytest.raises(ImageTooLarge):
        decode(bytes(data), "base_image", Limits(max_pixels=1_000_000))


def test_text_in_a_png_that_inflates_to_gigabytes_is_not_inflated() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("bomb", "0" * 80_000_000, zip=True)
    out = saved(Image.new("RGB", (4, 4)), "PNG", pnginfo=info)
    assert decode(out, "base_image", Limits()).image.size == (4, 4)


class JobTimeoutException(Exception):
    """As a queue's worker raises it in the decoding thread."""


@pytest.mark.parametrize("error", [MemoryError, JobTimeoutException, KeyboardInterrupt])
def test_errors_that_are_not_the_files_fault_pass(
    error: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(Image, "open", interrupted)
    with pytest.raises(error):
        decode(read("made/baseline.jpg"), "base_image", Limits())


@settings(max_examples=60, deadline=None)
@given(name=st.sampled_from(sorted(WHOLE)), at=st.floats(0, 1, exclude_max=True), value=st.integers(1, 255))
def test_a_damaged_file_is_read_or_refused_and_nothing_else(name: str, at: float, value: int) -> None:
    data = bytearray(read(name))
    data[int(at * len(data))] ^= value
    text = "base_image: "
    try:
        decode(bytes(data), "base_image", Limits())
    except CompositorError as error:
        text = str(error)
    assert text.startswith("base_image: ")


@settings(max_examples=60, deadline=None)
@given(
    data=st.binary(max_size=60),
    start=st.sampled_from([b"", b"\xff\xd8\xff", b"GIF89a", b"RIFF\0\0\0\0WEBP", b"\x89PNG\r\n\x1a\n"]),
)
def test_any_bytes_are_refused_with_a_text(data: bytes, start: bytes) -> None:
    with pytest.raises(CompositorError, match=r"^mask: "):
        decode(start + data, "mask", Limits())


def test_a_base_too_wide_for_webp_is_refused_before_it_is_encoded() -> None:
    with pytest.raises(ImageTooLarge, match="base_image: 16384 x 1, a webp holds at most 16383"):
        superimpose(plain((16_384, 1), "red"), plain((1, 1), "red"), SuperimposeParams(image_format="webp"))


def test_error_texts_contain_no_path() -> None:
    with pytest.raises(CompositorError) as caught:
        decode(np.random.default_rng(1).bytes(400), "mask", Limits())
    assert str(Path(__file__).parent) not in str(caught.value)


@pytest.mark.parametrize("name", FUZZED_FILES)
def test_files_with_many_faults_are_read_or_refused_and_nothing_else(name: str) -> None:
    whole, codes = read(name), set()
    for seed in range(40):
        chance = random.Random(f"{name}{seed}")
        try:
            decode(mutated(mutated(whole, chance), chance), "base_image", Limits())
        except CompositorError as error:
            codes.add(error.code)
    assert codes <= {"invalid_image", "image_too_large"}
    assert codes, "none of 40 was refused"


def test_more_pixels_than_pillows_default_are_read_if_the_limits_allow_them() -> None:
    whole = png(Image.new("1", (10_000, 10_000)))
    assert decode(whole, "mask", Limits(max_pixels=100_000_000)).image.size == (10_000, 10_000)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (
            read("made/progressive.jpg")[:-2] + b"\xff\xda\0\2" * 101 + b"\xff\xd9",
            "JPEG file with more than 100 scans",
        ),
        (b"\xff\xd8" + b"\xff\xfe\0\2" * 1400, "JPEG file with more than 1,000 segments"),
        (
            plain((1, 1), "red")[:33] + b"\0\0\0\0aaAa\0\0\0\0" * 100_001,
            "PNG file with more than 100,000 chunks",
        ),
    ],
)
def test_a_file_of_more_parts_than_any_program_writes_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(InvalidImage, match=f"mask: a {words}, which no common program writes; save it again"):
        decode(data, "mask", Limits())
