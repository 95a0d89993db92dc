"""Animations compared with a real browser, both read and written ones."""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import sync_playwright

from compositor import Limits, SuperimposeParams, superimpose
from compositor.animation.reader import Animation, read_animation
from compositor.decoding.decode import decode
from tests.browser import FLAGS
from tests.compositor.animation.films import file, random_patches
from tests.compositor.pictures import plain
from tests.compositor.pictures import read as picture_file

PAGE = Path(__file__).with_name("frames.html")
TYPES = {"GIF": "image/gif", "PNG": "image/png", "WEBP": "image/webp", "AVIF": "image/avif"}
READ = {
    **{
        f"{image_format}-{'opaque' if opaque else 'alpha'}-{plays}": (
            image_format,
            file(random_patches(20 + plays, image_format, opaque), image_format, plays),
        )
        for image_format in ("GIF", "PNG", "WEBP")
        for opaque in (False, True)
        for plays in (0, 1, 3)
    },
    **{
        name: (image_format, picture_file(name))
        for name, image_format in (
            ("made/animated.gif", "GIF"),
            ("made/animated.webp", "WEBP"),
            ("pillow/apng.png", "PNG"),
            ("pillow/dispose_bgnd.gif", "GIF"),
        )
    },
}
WRITTEN = {
    f"{name} to {target}": (
        image_format,
        superimpose(
            data,
            plain((5, 5), (255, 0, 0, 128), "RGBA"),
            SuperimposeParams(
                animation="keep", image_format=target, image_quality=100, x_offset=3, y_offset=2
            ),  # type: ignore[arg-type]
        ).data,
    )
    for name, (_, data) in READ.items()
    for target, image_format in (("gif", "GIF"), ("apng", "PNG"), ("webp", "WEBP"), ("avif", "AVIF"))
    if name.endswith(("-3", "made/animated.gif"))
}
FILES = READ | WRITTEN


@pytest.fixture(scope="module")
def shown(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """All files as decoded on one page of an offline browser."""
    files = {
        name: {"type": TYPES[image_format], "data": base64.b64encode(data).decode()}
        for name, (image_format, data) in FILES.items()
    }
    page_file = tmp_path_factory.mktemp("browser") / "page.html"
    page_file.write_text(PAGE.read_text().replace("@FILES@", json.dumps(files)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=[*FLAGS, "--force-color-profile=srgb"]
        )
        page = browser.new_page()
        page.goto(page_file.as_uri())
        page.wait_for_function("window.out !== undefined", timeout=60_000)
        found = page.evaluate("window.out")
        browser.close()
    return dict(found)


def read(data: bytes) -> Animation:
    return read_animation(data, decode(data, "base_image", Limits()), "base_image", Limits())


@pytest.mark.parametrize("name", FILES)
def test_frames_durations_and_loops_equal_the_browsers(shown: dict[str, Any], name: str) -> None:
    theirs, ours = shown[name], read(FILES[name][1])
    frames = list(ours.frames())
    assert len(frames) == len(theirs["frames"])
    assert ours.plays == theirs["plays"]
    for mine, its in zip(frames, theirs["frames"], strict=True):
        levels = np.asarray(mine.image.convert("RGBA")).astype(int)
        browser = np.frombuffer(base64.b64decode(its["pixels"]), np.uint8).reshape(levels.shape).astype(int)
        assert abs(levels[..., 3] - browser[..., 3]).max() <= 2
        apart = np.abs(levels - browser)[..., :3] * browser[..., 3:] / 255
        assert apart.max() <= 4
        assert float(mine.seconds * 1000) == pytest.approx(its["ms"], abs=1)
