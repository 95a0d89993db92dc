"""A file with all its pixels is read; one with missing pixels is refused."""

import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compositor import InvalidImage, Limits
from compositor.decoding.decode import decode
from compositor.decoding.png import chunk
from tests.compositor.pictures import opened, read, saved

END = b"\xff\xd9"
HUFFMAN = ("baseline", "progressive", "restarts", "grey", "cmyk", "420")


def jpeg(name: str) -> bytes:
    """A part of a photograph with one of several codings."""
    image = opened(read("made/baseline.jpg"))
    mode = {"grey": "L", "cmyk": "CMYK"}.get(name, "RGB")
    options = {
        "progressive": {"progressive": True},
        "restarts": {"restart_marker_blocks": 3},
        "420": {"subsampling": 2},
    }
    return saved(image.convert(mode), "JPEG", quality=85, **{"subsampling": 0, **options.get(name, {})})


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(decode(data, "base_image", Limits()).image)


def refused(data: bytes) -> None:
    with pytest.raises(InvalidImage, match="damaged or cut short"):
        decode(data, "base_image", Limits())


@pytest.mark.parametrize("name", HUFFMAN)
@pytest.mark.parametrize(
    "spoilt",
    [
        lambda data: data[:-2],
        lambda data: data[:-1],
        lambda data: data[:-2] + bytes(300) + END,
        lambda data: data.replace(b"\xff\xdb", b"junk\xff\xdb", 1),
        lambda data: data[:2] + b"\xff\xe2\0\x14ICC_PROFILE\0\3\5junk" + data[2:-2],
        lambda data: data + b"behind the end",
    ],
    ids=["no-end", "half-an-end", "padding", "junk-between-segments", "broken-profile", "junk-behind"],
)
def test_a_jpeg_whose_fault_affects_no_pixel_is_read(name: str, spoilt: Callable[[bytes], bytes]) -> None:
    whole = jpeg(name)
    assert (pixels(spoilt(whole)) == pixels(whole)).all()


@pytest.mark.parametrize("name", HUFFMAN)
@pytest.mark.parametrize("end", [END, b""], ids=["end-put-back", "no-end"])
@pytest.mark.parametrize("lost", [1, 2, 9, 200, 900])
def test_a_jpeg_without_its_last_pixels_is_refused(name: str, end: bytes, lost: int) -> None:
    refused(jpeg(name)[: -2 - lost] + end)


@pytest.mark.parametrize("name", HUFFMAN)
@settings(max_examples=40, deadline=None)
@given(kept=st.floats(0.05, 1, exclude_max=True))
def test_a_jpeg_cut_anywhere_and_closed_again_is_refused(name: str, kept: float) -> None:
    whole = jpeg(name)
    refused(whole[: int(kept * (len(whole) - 2))] + END)


@pytest.mark.parametrize("name", HUFFMAN)
def test_a_jpeg_cut_in_its_first_scans_header_is_refused(name: str) -> None:
    whole = jpeg(name)
    scan = whole.index(b"\xff\xda")
    for kept in range(scan, scan + 20):
        refused(whole[:kept] + END)


def test_bytes_lost_between_two_restart_markers_are_noticed() -> None:
    whole = jpeg("restarts")
    third, fifth = whole.index(b"\xff\xd2"), whole.index(b"\xff\xd4")
    refused(whole[: third + 12] + whole[fifth - 2 :])


def test_a_progressive_jpeg_without_its_last_scan_is_refused() -> None:
    whole = jpeg("progressive")
    scans = [at for at in range(len(whole)) if whole.startswith(b"\xff\xda", at)]
    assert len(scans) > 5
    for scan in scans[1:]:
        tables = whole.rfind(b"\xff\xc4", 0, scan)
        refused(whole[: tables if tables > scans[0] else scan] + END)


def test_only_the_first_picture_of_a_multi_picture_jpeg_must_be_complete() -> None:
    whole = read("pillow/frame_size.mpo")
    end = whole.index(END + b"\xff\xd8") + 2
    assert (pixels(whole[:-900]) == pixels(whole)).all()
    assert (pixels(whole[:end]) == pixels(whole)).all()
    refused(whole[: end - 200] + whole[end - 2 :])
    refused(whole[: end - 200])


def test_an_arithmetic_jpeg_needs_its_end_marker() -> None:
    whole = read("made/arithmetic.jpg")
    refused(whole[:-2])
    refused(whole[:-200])


def test_a_jpeg_with_unusual_subsampling_is_read_and_refused_if_cut() -> None:
    whole = bytearray(jpeg("baseline"))
    at = whole.index(b"\xff\xc0")
    for component, sampling in enumerate((0x22, 0x12, 0x11)):
        whole[at + 11 + 3 * component] = sampling
    whole[at + 5 : at + 9] = struct.pack(">HH", 48, 48)
    assert pixels(bytes(whole)).shape == (48, 48, 3)
    refused(bytes(whole[: whole.index(b"\xff\xda") + 60]))


def before_pixels(data: bytes, extra: bytes) -> bytes:
    return data[:33] + extra + data[33:]


PNGS = ["made/rgba.png", "made/rgb-16.png", "pngsuite/basi3p08.png", "pillow/p_trns_single.png"]
WRONG = b"\0\0\0\0"


@pytest.mark.parametrize("name", PNGS)
@pytest.mark.parametrize(
    "spoilt",
    [
        lambda data: before_pixels(data, chunk(b"pHYs", bytes(9))[:-4] + WRONG),
        lambda data: before_pixels(data, chunk(b"gAMA", bytes(4))[:-4] + WRONG),
        lambda data: before_pixels(data, chunk(b"gAMA", bytes(2))),
        lambda data: before_pixels(data, chunk(b"iCCP", b"a" * 50)),
        lambda data: before_pixels(data, chunk(b"iCCP", b"a\0\1" + zlib.compress(b"profile"))),
        lambda data: before_pixels(data, chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(9_000_000)))),
        lambda data: before_pixels(data, chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(9_000_000)))),
        lambda data: before_pixels(data, chunk(b"tRNS", b"")),
        lambda data: data[:-12] + chunk(b"tEXt", b"a\0b")[:-4] + WRONG + data[-12:],
        lambda data: data[:-12],
        lambda data: data[:-1],
        lambda data: data[:-12] + b"\0\0\1\0eXIfcut",
        lambda data: data[: data.rindex(b"IEND") - 6],
        lambda data: data[: data.rindex(b"IEND") - 8],
        lambda data: data[: data.rindex(b"IEND") - 12],
    ],
    ids=[
        *("phys-checksum", "gama-checksum", "gama-short", "iccp-no-nul", "iccp-unknown-method", "iccp-bomb"),
        *("text-bomb", "trns-empty", "text-checksum-behind", "no-end", "half-an-end", "cut-in-exif"),
        *("cut-in-the-last-checksum", "no-last-checksum", "no-adler"),
    ],
)
def test_a_png_whose_fault_affects_no_pixel_is_read(name: str, spoilt: Callable[[bytes], bytes]) -> None:
    assert (pixels(spoilt(read(name))) == pixels(read(name))).all()


@pytest.mark.parametrize("name", PNGS)
@pytest.mark.parametrize("lost", [20, 40, 200])
@pytest.mark.parametrize("closed", [True, False])
def test_a_png_without_its_last_pixels_is_refused(name: str, lost: int, closed: bool) -> None:
    whole = read(name)
    at = whole.rindex(b"IDAT")
    content = whole[at + 4 : whole.rindex(b"IEND") - 8 - lost]
    refused(
        whole[: at - 4] + chunk(b"IDAT", content) + chunk(b"IEND", b"") if closed else whole[: -12 - lost]
    )


@pytest.mark.parametrize(
    "name", ["made/alpha.webp", "pillow/hopper_orientation_2.webp", "made/animated.webp"]
)
@pytest.mark.parametrize("resized", [False, True])
def test_a_webp_cut_after_its_pixels_is_read_and_within_them_refused(name: str, resized: bool) -> None:
    whole = read(name)

    def cut(size: int) -> bytes:
        return whole[:4] + struct.pack("<I", size - 8) + whole[8:size] if resized else whole[:size]

    exif, frame = whole.rindex(b"EXIF"), whole.index(b"VP8", 16)
    first_end = frame + 8 + int.from_bytes(whole[frame + 4 : frame + 8], "little")
    upright = pixels(whole[:exif])
    for size in (exif + 4, exif + 9, len(whole) - 3):
        assert (pixels(cut(size)) == upright).all()
    for size in (first_end - 3, first_end - 200):
        refused(cut(size))


@pytest.mark.parametrize("name", ["pillow/transparent.gif", "made/alpha.avif", "made/rgb.avif"])
@pytest.mark.parametrize("lost", [10, 300, 900])
def test_a_gif_or_avif_without_its_last_pixels_is_refused(name: str, lost: int) -> None:
    refused(read(name)[:-lost])
