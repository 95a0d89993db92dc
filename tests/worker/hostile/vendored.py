"""Files from the test suites of decoders that once crashed, stalled or filled one of them."""

from pathlib import Path

from tests.worker.hostile.files import INVALID, PICTURE, TOO_LARGE, Hostile

FOLDER = Path(__file__).parent / "vendored"

_TOO_LARGE = (
    "bug00005_1.gif",
    "bug_double_free.jpg",
    "ossfuzz5700.gif",
    "php_bug_75571.gif",
    "decompression_bomb.gif",
)
_READ = (
    "broken_exif_dpi.jpg",
    "decompression_bomb_extents.gif",  # in its second frame
    "empty_ancillary_chunks.png",
    "exif-dpi-zerodivision.jpg",
    "exif_gps.jpg",
    "huge_IDAT.png",  # by its length; its pixels are there
    "icc-after-SOF.jpg",
    "invalid-exif-without-x-resolution.jpg",
    "missing_background.gif",
    "missing_background_first_frame.png",
    "multiple_comments.gif",
    "multiple_exif.jpg",
    "no_palette.gif",
    "no_palette_after_rgb.gif",
    "no_palette_with_background.gif",
    "no_palette_with_transparency.gif",
    "photoshop-200dpi-broken.jpg",
    "png_decompression_dos.png",  # in texts, which are not unpacked
    "truncated_exif_dpi.jpg",
    "truncated_jpeg.jpg",  # of its last byte, half the end marker
    "unknown_compression_method.png",  # of its profile
    "xmp_no_prefix.jpg",
)
OTHERS = dict.fromkeys(_TOO_LARGE, TOO_LARGE) | dict.fromkeys(_READ, PICTURE)

VENDORED = [
    Hostile(f"{file.parent.name}-{file.name}", OTHERS.get(file.name, INVALID), file.read_bytes)
    for file in sorted(FOLDER.glob("*/*.*"))
]
