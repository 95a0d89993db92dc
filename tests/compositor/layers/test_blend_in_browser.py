"""The blend modes compared with a real browser's canvas (`globalCompositeOperation`)."""

import base64
import json
import re
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from compositor import render
from compositor.models import MODELS
from compositor.models.layer import BlendMode
from tests.browser import visit
from tests.compositor.pictures import opened, png

MODES = get_args(BlendMode)
PAGE = Path(__file__).with_name("canvas.html")


def text(pixels: np.ndarray) -> str:
    return base64.b64encode(pixels.tobytes()).decode()


def in_browser(
    chromium: str, folder: Path, base: np.ndarray, overlay: np.ndarray, opacity: float
) -> dict[str, np.ndarray]:
    """(height, width, 4) uint8 for every mode, from one page of a browser that runs offline."""
    height, width, _ = base.shape
    job = {"width": width, "height": height, "opacity": opacity, "modes": MODES}
    job |= {"base": text(base), "overlay": text(overlay)}
    page = folder / "page.html"
    page.write_text(PAGE.read_text().replace("@JOB@", base64.b64encode(json.dumps(job).encode()).decode()))
    dom = visit(chromium, folder, page.as_uri()).stdout
    found = re.search(r'<pre id="out">(.+?)</pre>', dom)
    assert found, dom[-2000:]
    return {
        mode: np.frombuffer(base64.b64decode(pixels), np.uint8).reshape(base.shape)
        for mode, pixels in json.loads(found[1]).items()
    }


def ours(model: str, files: dict[str, bytes], mode: str, opacity: float) -> np.ndarray:
    given = {"blend_mode": mode, "opacity": opacity, "image_format": "png", **dict.fromkeys(files, "x")}
    out = render(MODELS[model](**given).scene(), files)
    return np.asarray(opened(out.data).convert("RGBA"))


@pytest.fixture(scope="module")
def pictures() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Base, overlay and mask with random levels, of which many are extremes."""
    random = np.random.default_rng(3)
    base, overlay = random.integers(-60, 316, (2, 48, 64, 4)).clip(0, 255).astype(np.uint8)
    mask = random.integers(-100, 400, (48, 64)).clip(0, 255).astype(np.uint8)
    base[:24, :, 3] = 255
    overlay[:, :32, 3] = 255
    return base, overlay, mask


def premultiplied(pixels: np.ndarray) -> np.ndarray:
    """Premultiplied, because straight colour is imprecise where alpha is low."""
    weights = pixels / 255.0
    weights[..., :3] *= weights[..., 3:]
    return weights * 255


@pytest.mark.parametrize(("model", "opaque"), [("superimpose", 1), ("superimpose-v2", 100)])
def test_every_blend_mode_equals_the_browsers_within_two_levels(
    chromium: str,
    tmp_path: Path,
    pictures: tuple[np.ndarray, np.ndarray, np.ndarray],
    model: str,
    opaque: float,
) -> None:
    base, overlay, mask = pictures
    shown = overlay.copy()
    shown[..., 3] = np.rint(overlay[..., 3] * (mask / 255.0))
    browser = in_browser(chromium, tmp_path, base, shown, opacity=0.8)
    files = {"base_image": png(base), "overlay_image": png(overlay), "mask": png(mask)}
    worst = {
        mode: np.abs(
            premultiplied(ours(model, files, mode, 0.8 * opaque)) - premultiplied(browser[mode])
        ).max()
        for mode in MODES
    }
    assert {mode: level for mode, level in worst.items() if level > 2} == {}
