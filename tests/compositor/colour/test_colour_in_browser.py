"""Colour spaces compared with a real browser, which draws the same files on an sRGB canvas."""

import base64
import json
import re
from pathlib import Path

import numpy as np
import pytest

from compositor import Limits
from compositor.decoding.decode import decode
from tests.browser import visit
from tests.compositor.colour.spaces import (
    ADOBE,
    GAMMA_1_8,
    LINEAR,
    P3,
    SRGB,
    SRGB_CHUNK,
    SRGB_CURVE,
    avif,
    chromaticities,
    cicp,
    code_points,
    content_light,
    embedded,
    gamma,
    mastering_display,
    png,
    profile,
    saved,
)

PAGE = Path(__file__).with_name("images.html")
TYPES = {b"\x89PNG": "png", b"RIFF": "webp", b"\xff\xd8\xff\xe0": "jpeg"}
RANDOM = np.random.default_rng(5)
GREYS = np.arange(256, dtype=np.uint8).reshape(4, 64)
RGB = np.concatenate([np.dstack([GREYS] * 3), RANDOM.integers(0, 256, (28, 64, 3), np.uint8)])
GREY, OPAQUE = RGB[..., 0].copy(), np.full(RGB.shape[:2], 255, np.uint8)
RGBA = np.dstack([RGB, np.where(np.arange(64) < 32, OPAQUE, 128).astype(np.uint8)])
PALETTE = (b"PLTE", RANDOM.integers(0, 256, 768, np.uint8).tobytes())

LINEAR_RGB, LINEAR_GREY, P3_PROFILE = profile(SRGB, LINEAR), profile(None, LINEAR), profile(P3, SRGB_CURVE)


def deep(pixels: np.ndarray) -> np.ndarray:
    return pixels.astype(np.uint16) * 257


STATED_IN_PNG = {
    **{
        f"cicp-{p}-{t}": (cicp(p, t),) for p, t in ((1, 1), (1, 4), (1, 5), (1, 8), (7, 7), (9, 14), (12, 13))
    },
    **{f"cicp-{p}-{t}": (cicp(p, t),) for p, t in ((4, 13), (5, 13), (8, 13), (11, 17), (22, 13), (12, 8))},
    **{f"cicp-{p}-{t}": (cicp(p, t),) for p, t in ((9, 16), (9, 18), (12, 16), (1, 18))},
    "cicp-unknown": (cicp(2, 2),),
    "cicp-narrow-before-iccp": (cicp(1, 8, full=0), embedded(P3_PROFILE)),
    "cicp-unknown-before-iccp": (cicp(1, 9), embedded(P3_PROFILE)),
    "cicp-before-iccp": (embedded(LINEAR_RGB), cicp(12, 13)),
    "iccp-before-srgb": (SRGB_CHUNK, embedded(LINEAR_RGB)),
    "iccp-broken-before-gamma": (embedded(b"no profile"), gamma(100_000)),
    "iccp-gamma-1.8": (embedded(profile(SRGB, GAMMA_1_8)),),
    "iccp-with-cicp-p3": (embedded(profile(SRGB, SRGB_CURVE, cicp=code_points(12, 13))),),
    "iccp-with-cicp-pq": (embedded(profile(SRGB, SRGB_CURVE, cicp=code_points(9, 16))),),
    "iccp-with-cicp-unknown": (embedded(profile(P3, SRGB_CURVE, cicp=code_points(2, 2))),),
    "srgb-before-gamma": (gamma(100_000), SRGB_CHUNK),
    "gamma-1": (gamma(100_000),),
    "gamma-1.8": (gamma(55_556),),
    "gamma-2.2": (gamma(45_455),),
    "gamma-nearly-2.2": (gamma(46_000),),
    "gamma-0": (gamma(0),),
    "gamma-2.2-adobe": (gamma(45_455), chromaticities(ADOBE)),
    "gamma-2.2-srgb": (gamma(45_455), chromaticities(SRGB)),
    "gamma-1-p3": (gamma(100_000), chromaticities(P3)),
    "gamma-of-no-space": (gamma(45_455), chromaticities((0.0,) * 8)),
    "chromaticities-alone": (chromaticities(P3),),
    **{f"pq-{most}": (cicp(9, 16), content_light(most)) for most in (100, 400, 4000)},
    "pq-display-4000": (cicp(9, 16), mastering_display(4000)),
    "hlg-4000": (cicp(9, 18), content_light(4000)),
}
AVIF_CODE_POINTS = (
    *((12, 13), (1, 8), (12, 8), (9, 16), (9, 18), (12, 18), (1, 1), (6, 6), (9, 14), (1, 4)),
    *((1, 5), (7, 7), (2, 2), (12, 2), (2, 8)),
)
FILES = {
    **{f"png-8-{name}": png(RGB, *chunks) for name, chunks in STATED_IN_PNG.items()},
    **{f"png-16-{name}": png(deep(RGB), *chunks) for name, chunks in STATED_IN_PNG.items()},
    **{
        f"png-{depth}-{mode}-{name}": png(pixels if depth == 8 else deep(pixels), *chunks)
        for depth in (8, 16)
        for mode, pixels in {"grey": GREY, "grey-alpha": np.dstack([GREY, OPAQUE]), "rgba": RGBA}.items()
        for name, chunks in {
            "gamma": (gamma(100_000),),
            "p3": (cicp(12, 13),),
            "pq": (cicp(9, 16),),
            "iccp": (embedded(LINEAR_RGB),),
            "iccp-grey": (embedded(LINEAR_GREY),),
        }.items()
    },
    **{
        f"png-palette-{name}": png(GREY, *chunks, PALETTE, colour_type=3)
        for name, chunks in {"gamma": (gamma(100_000),), "p3": (cicp(12, 13),), "pq": (cicp(9, 16),)}.items()
    },
    **{f"avif-{p}-{t}": avif(RGB, p, t) for p, t in AVIF_CODE_POINTS},
    "avif-profile": avif(RGB, 9, 16, icc_profile=LINEAR_RGB),
    "avif-alpha": avif(RGBA, 12, 13),
    "jpeg-profile": saved(RGB, "JPEG", quality=100, subsampling=0, icc_profile=LINEAR_RGB),
    "jpeg-grey": saved(GREY, "JPEG", quality=100, icc_profile=LINEAR_RGB),
    "jpeg-grey-by-grey": saved(GREY, "JPEG", quality=100, icc_profile=LINEAR_GREY),
    "jpeg-by-grey": saved(RGB, "JPEG", quality=100, subsampling=0, icc_profile=LINEAR_GREY),
    "webp-profile": saved(RGB, "WEBP", lossless=True, icc_profile=P3_PROFILE),
}


@pytest.fixture(scope="module")
def shown(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    """(height, width, 4) uint8 of all files, from one page of a browser that runs offline."""
    folder = tmp_path_factory.mktemp("browser")
    uris = {
        name: f"data:image/{TYPES.get(file[:4], 'avif')};base64,{base64.b64encode(file).decode()}"
        for name, file in FILES.items()
    }
    page = folder / "page.html"
    page.write_text(PAGE.read_text().replace("@FILES@", base64.b64encode(json.dumps(uris).encode()).decode()))
    dom = visit(chromium, folder, page.as_uri(), "--force-color-profile=srgb").stdout
    found = re.search(r'<pre id="out">(.+?)</pre>', dom)
    assert found, dom[-2000:]
    return {
        name: np.frombuffer(base64.b64decode(pixels), np.uint8).reshape(*RGB.shape[:2], 4)
        for name, pixels in json.loads(found[1]).items()
    }


@pytest.mark.parametrize("name", FILES)
def test_a_colour_equals_the_browsers_within_a_level(shown: dict[str, np.ndarray], name: str) -> None:
    ours = np.asarray(decode(FILES[name], "base_image", Limits()).image.convert("RGBA")).astype(int)
    assert np.abs(ours - shown[name]).mean() < 0.5


def test_the_browser_honours_the_declared_space(shown: dict[str, np.ndarray]) -> None:
    shift = {name: np.abs(pixels[..., :3].astype(int) - RGB).mean() for name, pixels in shown.items()}
    assert shift["png-8-cicp-unknown"] == 0
    assert shift["png-8-gamma-1"] > 40
    assert shift["png-8-cicp-9-16"] > 40
    assert shift["avif-12-13"] > 8
