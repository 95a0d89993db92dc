"""Animations with `animation: "keep"` at and beyond the limits, damaged ones and unusual ones."""

import contextlib
import struct
import subprocess
import sys
import zlib
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from compositor import CompositorError, Limits, SuperimposeParams, superimpose
from compositor.animation import apng, webp
from compositor.decoding.decode import decode
from compositor.decoding.png import chunk
from tests.compositor.animation.films import CLEARED, KEPT, RESTORED, SIZE, Patch, file, random_patches
from tests.compositor.animation.test_animation import FORMATS, UNSEEN, WRITTEN, frames, keep, plays, visible
from tests.compositor.pictures import P3, animated, opened
from tests.compositor.pictures import read as picture_file

RED = np.full((*SIZE[::-1], 4), (250, 0, 0, 255), np.uint8)


def timed(*milliseconds: int, image_format: str = "PNG") -> bytes:
    """An animation of different frames with these durations."""
    patches = [
        Patch(RED - np.uint8([number, 0, 0, 0]), (0, 0), each) for number, each in enumerate(milliseconds)
    ]
    return file(patches, image_format)


def with_chunk(data: bytes, added: bytes, before: bytes) -> bytes:
    """The PNG file `data` with one more chunk before the first that is named `before`."""
    at = data.index(before) - 4
    return data[:at] + added + data[at:]


def with_profile(data: bytes, profile: bytes) -> bytes:
    """The extended WebP file `data` with an ICC profile."""
    added = b"ICCP" + struct.pack("<I", len(profile)) + profile
    body = data[8:20] + bytes((data[20] | 0x20,)) + data[21:30] + added + data[30:]
    return b"RIFF" + struct.pack("<I", len(body)) + body


def with_bad_last_frame(data: bytes, image_format: str) -> bytes:
    """The animation `data`, whose last frame covers the canvas, with pixels of it that no decoder reads."""
    if image_format == "GIF":
        frame = data.rindex(b"\x2c" + struct.pack("<4H", 0, 0, *SIZE))
        at = frame + 10 + 3 * 2 ** ((data[frame + 9] & 7) + 1)  # after the colours: the bits of a code
        return data[:at] + b"\xff" + data[at + 1 :]
    if image_format == "WEBP":
        at = data.rindex(b"VP8L") + 13  # after the header of the frame, which `Image.open` reads
        return data[:at] + b"\xff" * (len(data) - at)
    at = data.rindex(b"fdAT")
    end = at + 4 + int.from_bytes(data[at - 4 : at], "big")
    return data[: at - 4] + chunk(b"fdAT", data[at + 4 : at + 8] + b"\xff" * 8) + data[end + 4 :]


@pytest.mark.parametrize("image_format", FORMATS)
def test_an_animation_of_too_many_frames_is_refused_before_decoding(image_format):
    limits = Limits(max_frames=10)
    ten, eleven = (timed(*range(50, 50 + count), image_format=image_format) for count in (10, 11))
    superimpose(ten, UNSEEN, keep("webp"), limits=limits)

    with pytest.raises(CompositorError, match="damaged"):
        superimpose(with_bad_last_frame(ten, image_format), UNSEEN, keep("webp"), limits=limits)
    for data in (eleven, with_bad_last_frame(eleven, image_format)):
        with pytest.raises(CompositorError, match="base_image: more than 10 frames, the maximum") as error:
            superimpose(data, UNSEEN, keep("webp"), limits=limits)
        assert error.value.code == "image_too_large"


def test_an_animation_of_ten_thousand_frames_is_refused():
    one = file([Patch(np.full((1, 1, 4), 255, np.uint8), (0, 0), 10)], "GIF")
    frame = one[one.index(b"\x21\xf9") : -1]
    base = one[:-1] + frame * 9_999 + one[-1:]
    with pytest.raises(CompositorError, match="more than 500 frames") as error:
        superimpose(base, UNSEEN, keep("webp"))
    assert error.value.code == "image_too_large"


@pytest.mark.parametrize(
    "name", ["made/animated.gif", "made/animated.webp", "pillow/apng.png", "pillow/star.avifs"]
)
def test_an_animation_of_too_many_pixels_is_refused(name):
    with pytest.raises(
        CompositorError, match=r"base_image: \d+ frames of \d+ x \d+ = .* MP, at most 0.001 MP together"
    ) as error:
        superimpose(picture_file(name), UNSEEN, keep("webp"), limits=Limits(max_animation_pixels=1000))
    assert error.value.code == "image_too_large"


@pytest.mark.parametrize("image_format", FORMATS)
def test_a_frame_of_too_many_pixels_is_refused(image_format):
    base, pixels = file(random_patches(1, image_format), image_format), SIZE[0] * SIZE[1]
    superimpose(base, UNSEEN, keep("webp"), limits=Limits(max_pixels=4 * pixels))
    with pytest.raises(
        CompositorError, match=r"base_image: frames of 24 x 18 = 0\.000432 MP, at most"
    ) as error:
        superimpose(base, UNSEEN, keep("webp"), limits=Limits(max_pixels=4 * pixels - 1))
    assert error.value.code == "image_too_large"


@pytest.mark.parametrize("image_format", FORMATS)
def test_a_frame_may_have_one_pixel(image_format):
    dot = Patch(np.array([[[250, 0, 0, 255]]], np.uint8), (4, 6), 50)
    base = file([*random_patches(6, image_format, opaque=True, count=2), dot], image_format)
    *_, (last, _) = frames(superimpose(base, UNSEEN, keep("apng", opacity=0)).data)
    assert tuple(last[6, 4]) == (250, 0, 0, 255)


@pytest.mark.parametrize("image_format", ["GIF", "PNG"])
def test_a_frame_that_extends_beyond_the_canvas_is_cropped(image_format):
    pixels = np.full((12, 12, 4), (0, 0, 250, 255), np.uint8)
    patches = [*random_patches(6, image_format, opaque=True, count=2), Patch(pixels, (20, 14), 50)]
    *_, (last, _) = frames(superimpose(file(patches, image_format), UNSEEN, keep("apng", opacity=0)).data)
    assert last.shape == (SIZE[1], SIZE[0], 4)
    assert (last[14:, 20:] == (0, 0, 250, 255)).all()


@pytest.mark.parametrize("image_format", FORMATS)
def test_a_truncated_animation_is_refused(image_format):
    base = file(random_patches(1, image_format, opaque=True), image_format)
    cuts = [len(base) * part // 20 for part in range(10, 20)]
    for cut in cuts:
        with pytest.raises(CompositorError) as error:
            superimpose(base[:cut], UNSEEN, keep("webp"))
        assert error.value.code == "invalid_image"


@pytest.mark.parametrize("image_format", FORMATS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_damaged_animation_is_refused_with_a_text_or_read(image_format, data):
    base = bytearray(file(random_patches(7, image_format), image_format))
    for _ in range(data.draw(st.integers(1, 6))):
        base[data.draw(st.integers(6, len(base) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(CompositorError):
        superimpose(bytes(base), UNSEEN, keep("apng"), limits=Limits(max_pixels=10**6))


@pytest.mark.parametrize("brand", [b"msf1", b"mif1"])
def test_an_avif_sequence_may_have_the_brand_of_its_container(brand):
    data = picture_file("pillow/star.avifs")
    count = len(frames(data))
    assert len(frames(superimpose(data[:8] + brand + data[12:], UNSEEN, keep("apng")).data)) == count > 1


@pytest.mark.parametrize(("target", "most"), [("gif", 65536), ("webp", 65535), ("apng", 2**31 - 1)])
def test_plays_are_limited_to_the_maximum_of_the_format(target, most):
    base = file(random_patches(1, "PNG", count=2), "PNG", plays=2**32 - 1)
    assert plays(superimpose(base, UNSEEN, keep(target)).data) == most


@pytest.mark.parametrize(
    ("target", "seconds"), [("gif", 655.35), ("webp", 16777.215), ("apng", 65.535), ("avif", 65535)]
)
def test_a_duration_above_the_formats_maximum_shortens_no_other_frame(target, seconds):
    base = timed(65_535, 100, 100)
    if target != "apng":
        base = base.replace(struct.pack(">HH", 65_535, 1000), struct.pack(">HH", 65_535, 1), 1)
        at = base.index(b"fcTL")
        base = base[: at + 30] + zlib.crc32(base[at : at + 30]).to_bytes(4, "big") + base[at + 34 :]
    shown = [each for _, each in frames(superimpose(base, UNSEEN, keep(target, image_quality=100)).data)]
    assert shown == [pytest.approx(seconds), Fraction(1, 10), Fraction(1, 10)]


def test_a_webp_of_many_long_frames_is_valid():
    base = timed(*[16_777_215] * 200, image_format="WEBP")
    shown = [each for _, each in frames(superimpose(base, UNSEEN, keep("webp", image_quality=100)).data)]
    assert len(shown) == 200
    assert min(shown) == max(shown) > 10_000


def test_a_png_frame_may_last_for_hours():
    base = timed(16_777_215, 100, image_format="WEBP")
    (_, long), (_, short) = frames(superimpose(base, UNSEEN, keep("apng")).data)
    assert long == pytest.approx(16777.215, abs=0.2)
    assert short == Fraction(1, 10)


@pytest.mark.parametrize("hundredths", [0, 1, 2])
def test_a_gifs_shortest_durations_are_kept_as_browsers_show_them(hundredths):
    base = timed(*[10 * hundredths] * 3, image_format="GIF")
    shown = [seconds for _, seconds in frames(superimpose(base, UNSEEN, keep("gif")).data)]
    assert shown == [Fraction(hundredths, 100)] * 3


@pytest.mark.parametrize("blends", [False, True])
@pytest.mark.parametrize("after", [KEPT, CLEARED, RESTORED])
@pytest.mark.parametrize("at", [(30, 30), (2**31, 0), (2**32 - 1, 2**32 - 1)])
def test_a_frame_outside_of_the_canvas_is_invisible(blends, after, at):
    dot = Patch(np.full((2, 2, 4), 255, np.uint8), at, 50, blends, after)
    shown = frames(superimpose(file([Patch(RED, (0, 0), 50), dot], "PNG"), UNSEEN, keep("apng")).data)
    assert [tuple(levels[9, 9]) for levels, _ in shown] == [(250, 0, 0, 255)] * 2


@pytest.mark.parametrize("image_format", ["GIF", "PNG"])
def test_frames_larger_than_the_canvas_count_with_their_own_size(image_format):
    base = file([Patch(RED, (0, 0), 50), Patch(np.tile(RED, (10, 10, 1)), (0, 0), 50)], image_format)
    with pytest.raises(CompositorError, match=r"2 frames of 240 x 180 = 0.0864 MP, at most 0.05 MP") as error:
        superimpose(base, UNSEEN, keep("gif"), limits=Limits(max_animation_pixels=50_000))
    assert error.value.code == "image_too_large"


@pytest.mark.parametrize("name", [b"fdAT", b"fcTL"])
def test_a_frame_whose_checksum_is_wrong_is_refused(name):
    base = bytearray(timed(50, 50, 50))
    at = base.rindex(name)
    base[at + 4 + int.from_bytes(base[at - 4 : at], "big")] ^= 1
    with pytest.raises(CompositorError) as error:
        superimpose(bytes(base), UNSEEN, keep("apng"))
    assert error.value.code == "invalid_image"


@pytest.mark.parametrize("animation", ["first_frame", "keep"])
@pytest.mark.parametrize("image_format", WRITTEN)
def test_a_canvas_without_pixels_is_refused(image_format, animation):
    """Even if the picture for which it is declared is not a frame and not decoded."""
    dot = Patch(np.full((2, 2, 4), 255, np.uint8), (0, 0), 50)
    base = file([dot, dot], "PNG")
    header = b"IHDR" + struct.pack(">II", SIZE[0], 0) + base[24:29]
    base = base[:12] + header + zlib.crc32(header).to_bytes(4, "big") + base[33:]
    with pytest.raises(CompositorError) as error:
        superimpose(base, UNSEEN, SuperimposeParams(animation=animation, image_format=image_format))
    assert error.value.code == "invalid_image"


def test_a_frame_without_pixels_is_refused():
    base = timed(50, 50, 50)
    start, end = (base.index(b"fdAT") - 4, base.rindex(b"fcTL") - 4)
    with pytest.raises(CompositorError) as error:
        superimpose(base[:start] + base[end:], UNSEEN, keep("apng"))
    assert error.value.code == "invalid_image"


@pytest.mark.parametrize("before", [b"IDAT", b"fdAT"])
@pytest.mark.parametrize("sound", [False, True])
def test_a_profile_applies_to_frames_if_it_applies_to_the_picture(before, sound):
    profile = bytearray(chunk(b"iCCP", b"P3\0\0" + zlib.compress(P3)))
    profile[-1] ^= not sound
    base = with_chunk(timed(50, 50), bytes(profile), before)
    first = np.asarray(decode(base, "base_image", Limits()).image.convert("RGBA"))
    (levels, _), (second, _) = frames(base)
    assert (levels == first).all()
    assert tuple(first[0, 0]) == ((255 if sound and before == b"IDAT" else 250), 0, 0, 255)
    assert abs(second - levels).max() <= 2


@pytest.mark.parametrize("opaque", [False, True])
def test_the_profile_of_a_webp_applies_to_all_frames(opaque):
    plain = file(random_patches(3, "WEBP", opaque), "WEBP")
    base = with_profile(plain, P3)
    first = np.asarray(decode(base, "base_image", Limits()).image.convert("RGBA")).astype(int)
    converted, unconverted = frames(base), frames(plain)
    assert (visible(converted[0][0]) == visible(first)).all()
    for (levels, _), (before, _) in zip(converted, unconverted, strict=True):
        assert abs(levels[..., :3] - before[..., :3]).max() > 5


def test_chunks_beside_the_frames_are_not_copied_into_each():
    """Otherwise the time would be the number of frames times that of the other chunks."""
    gammas = with_chunk(timed(50, 50), chunk(b"gAMA", struct.pack(">I", 45_455)) * 1000, b"IDAT")
    profile = with_profile(timed(50, 50, image_format="WEBP"), bytes(10_000))
    for parts in (apng.parts(gammas), webp.parts(profile)):
        assert max(len(part.still()) for part in parts) < 1000


def test_bytes_after_a_webp_are_ignored():
    base = timed(50, 60, image_format="WEBP")
    assert len(frames(base + base[12:])) == 2


@pytest.mark.parametrize("target", [each for each in WRITTEN if each != "gif"])
def test_an_animation_keeps_credits_like_a_picture(target):
    exif = Image.Exif()
    exif[0x8298] = "somebody"
    base = with_chunk(timed(50, 50), chunk(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0")), b"IDAT")
    answer = superimpose(base, UNSEEN, keep(target, keep_copyright=True)).data
    assert opened(answer).getexif()[0x8298] == "somebody"
    if target == "webp":
        content = answer[answer.index(b"EXIF") + 8 :]
        assert content[:2] in (b"MM", b"II")  # RFC 9649, 2.7.1.5, without the start that JPEG has


def test_memory_depends_on_the_frame_and_not_on_the_animation():
    """A process with the memory of a few frames puts a logo on a hundred."""
    still = Image.new("RGB", (1000, 1000), "white")
    moving = [Image.new("RGB", (1000, 1000), (number, 99, 0)) for number in range(100)]
    base = animated([still, *moving], "WEBP", quality=10)
    code = """
import resource, sys
from compositor import SuperimposeParams, superimpose
base, logo = sys.stdin.buffer.read().split(b"===")
superimpose(base, logo, SuperimposeParams())
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for image_format in ("webp", "gif", "apng"):
    superimpose(base, logo, SuperimposeParams(animation="keep", image_format=image_format))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    made = subprocess.run(
        [sys.executable, "-c", code], input=base + b"===" + UNSEEN, capture_output=True, check=True
    )
    assert int(made.stdout) * 1024 < 20 * 4_000_000  # of 400 MB that the frames are together
