"""Many layers of one picture need few copies of it at a time."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.compositor.pictures import P3, animated, png

MOST = 4_000_000  # pixels of an input
COPY = 4 * MOST  # bytes
CODE = """
import json, resource, sys
from pathlib import Path
from compositor import Limits, SuperimposeRequest, render
folder, params = Path(sys.argv[1]), json.loads(sys.argv[2])
scene = SuperimposeRequest(**params).scene()
read = {each: (folder / each).read_bytes() for each in ("base_image", "overlay_image", "mask")}
files = {name: read[name.rpartition(".")[2]] for name in scene.inputs}
small = SuperimposeRequest(base_image="x", color="#fff", image_format=params["image_format"])
render(small.scene(), {"base_image": (folder / "small").read_bytes()})
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
render(scene, files, limits=Limits(max_pixels=int(sys.argv[3])))
print(1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before))
"""
LAYER = {"overlay_image": "x", "overlay_resize": "None", "gravity": "center"}
FLIPS = ("horizontal", "vertical", "both")


def noise(side: int, bands: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(bands).integers(0, 256, (side, side, bands), np.uint8))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder with the pictures of all scenes, of the maximum size."""
    folder = tmp_path_factory.mktemp("scene")
    for name, image in (("overlay_image", noise(2000, 4)), ("mask", noise(2000, 3)), ("small", noise(9, 3))):
        (folder / name).write_bytes(png(image))
    return folder


def taken(folder: Path, base: bytes, **params: Any) -> int:
    """The peak memory of a scene in bytes."""
    (folder / "base_image").write_bytes(base)
    made = subprocess.run(
        [sys.executable, "-c", CODE, str(folder), json.dumps({"base_image": "x", **params}), str(MOST)],
        capture_output=True,
        text=True,
        check=True,
    )
    return int(made.stdout)


def film(profile: bytes = b"") -> bytes:
    """Frames of the maximum size, so that no pieces of layers are cached."""
    frames = [Image.new("RGB", (1000, 1000), (shade, 90, 20)) for shade in (10, 60, 200)]
    return animated(frames, "PNG", icc_profile=profile or None)


def test_layers_of_an_animation_do_not_each_hold_a_mirrored_copy(folder):
    layers = [{**LAYER, "mask": "x", "flip": FLIPS[index % 3]} for index in range(8)]

    assert taken(folder, film(), overlays=layers, animation="keep", image_format="webp") < 9 * COPY


def test_layers_of_an_animation_share_pictures_converted_to_its_space(folder):
    answer = {"animation": "keep", "image_format": "webp", "keep_icc_profile": True}

    assert taken(folder, film(P3), overlays=[LAYER] * 8, **answer) < 8 * COPY


@pytest.mark.parametrize(
    ("more", "count", "copies"),
    [
        ({}, 6, 9),
        ({"rotation": 20}, 4, 8),  # 2 s a layer
        ({"tile": True, "gravity": "northwest"}, 6, 12),
    ],
)
def test_layers_of_a_still_picture_are_prepared_one_after_another(folder, more, count, copies):
    """One layer takes 6.5 copies, a tile 9.5; a copy of each would be too many."""
    layers = [{**LAYER, "mask": "x", "flip": FLIPS[index % 3], **more} for index in range(count)]

    assert taken(folder, png(noise(2000, 3)), overlays=layers, image_format="jpeg") < copies * COPY
