"""The part of docs/PERFORMANCE.md on several layers, animations, and peak memory."""

import io
import os
import resource
from collections.abc import Mapping, Sequence
from functools import partial
from statistics import median
from time import process_time
from typing import Any

from PIL import Image, ImageSequence

from benchmarks import seed
from benchmarks.harness.figures import median_ratio, rounds_ms, table
from benchmarks.harness.processes import in_own_process, peak_mb
from benchmarks.seed import encode
from compositor import DecodedCache, Limits, SuperimposeRequest, render
from compositor.files import FULL_SIZED
from jobs.config.settings import Settings

PLACES = ((380, 300), (20, 30), (700, 40), (60, 700), (720, 720))
LOGO_SIDE = 256
LAYERS_TARGET, ANIMATION_TARGET = 1.6, 1.15
LARGE = (8000, 6250)  # 50 megapixels
LARGE_FRAME = (4000, 3125)
FLIPS = ("horizontal", "vertical", "both")
FRAMES, FRAME = 60, (480, 360)

Files = Mapping[str, bytes]


def part(rounds: int) -> str:
    return "\n\n".join([layers(rounds), animation(rounds), memory()])


def layers(rounds: int) -> str:
    base, photos, logos = seed.base_jpeg(), overlays(640), overlays(LOGO_SIDE)
    rows = []
    for name, pictures, factor, cache in (
        (f"logos of {LOGO_SIDE} px", logos, 1.0, None),
        ("overlays of 640 px, scaled by 0.4, inputs in its cache", photos, 0.4, DecodedCache(64 << 20)),
        ("overlays of 640 px, scaled by 0.4", photos, 0.4, None),
    ):
        work = (partial(scene, base, pictures[:count], factor, cache) for count in (1, 5))
        one, five = rounds_ms(rounds, *work, clock=process_time)
        rows.append([name, f"{median(one):.1f}", f"{median(five):.1f}", f"{median_ratio(five, one):.2f}"])
    heads = ("five different overlays", "one layer, CPU ms", "five, CPU ms", "times one layer")
    sizes = f"{len(logos[0]) // 1000} and {len(photos[0]) // 1000} KB"
    return f"""### Five layers beside one

1024 x 1024 to JPEG; each layer has its own PNG file, {sizes}; load average {os.getloadavg()[0]:.0f}. \
To reach: {LAYERS_TARGET} times one layer.

{table(heads, rows)}"""


def overlays(side: int) -> list[bytes]:
    """Five different RGBA files of `side` x `side` pixels."""
    picture = Image.open(io.BytesIO(seed.overlay_png())).resize((side, side))
    return [encode(picture.rotate(72 * turn), "PNG") for turn in range(5)]


def scene(base: bytes, pictures: Sequence[bytes], factor: float, cache: DecodedCache | None) -> bytes:
    overlays = [
        {"overlay_image": "x", "rescale_factor": factor, "x_offset": x, "y_offset": y}
        for x, y in PLACES[: len(pictures)]
    ]
    files = {f"overlays[{index}].overlay_image": each for index, each in enumerate(pictures)}
    return render_files({"base_image": base, **files}, cache, overlays=overlays)


def animation(rounds: int) -> str:
    base, logo = moving_window(FRAMES, FRAME), seed.overlay_png()
    work = partial(with_logo, base, logo), partial(transcode, base)
    ours, alone = rounds_ms(rounds, *work, clock=process_time)
    return f"""### Animation

A logo on {FRAMES} frames of {FRAME[0]} x {FRAME[1]}, WebP to WebP: {median(ours):.0f} ms, \
{median_ratio(ours, alone):.2f} times Pillow's decoding and encoding with the same settings
(to reach: {ANIMATION_TARGET})."""


def moving_window(count: int, size: tuple[int, int]) -> bytes:
    """An animation of a window that moves over the photograph."""
    photo = Image.open(io.BytesIO(seed.large_jpeg((size[0] + 4 * count, size[1] + 2 * count))))
    windows = [(4 * at, 2 * at, 4 * at + size[0], 2 * at + size[1]) for at in range(count)]
    frames = [photo.crop(window) for window in windows]
    return encode(frames[0], "WEBP", save_all=True, append_images=frames[1:], duration=40, quality=80)


def with_logo(base: bytes, logo: bytes) -> bytes:
    files = {"base_image": base, "overlay_image": logo}
    place = {"rescale_factor": 0.2, "x_offset": 330, "y_offset": 220}
    return render_files(files, animation="keep", image_format="webp", **place)


def transcode(base: bytes) -> bytes:
    frames = [each.convert("RGB") for each in ImageSequence.Iterator(Image.open(io.BytesIO(base)))]
    options = {"duration": 40, "quality": 95, "method": 2}
    return encode(frames[0], "WEBP", save_all=True, append_images=frames[1:], **options)


def memory() -> str:
    limit = Settings().job_memory_bytes
    still, animation = (f"{in_own_process(peak_of, kind, limit):.0f}" for kind in ("still", "animation"))
    return f"""### Peak memory of 16 layers

One overlay and one mask, 50 MP each, on a base of 50 MP to JPEG: {still} MB; on frames of \
{LARGE_FRAME[0]} x {LARGE_FRAME[1]} to WebP: {animation} MB,
of {limit / 1e6:,.0f} that a job may have. Over {FULL_SIZED} inputs of 50 MP are refused undecoded."""


def peak_of(kind: str, limit: int) -> float:
    """Peak MB of a scene of 16 mirrored layers, in a process limited to `limit` bytes."""
    base = moving_window(2, LARGE_FRAME) if kind == "animation" else seed.large_jpeg(LARGE)
    overlay, mask = seed.large_jpeg(LARGE), encode(Image.linear_gradient("L").resize(LARGE), "JPEG")
    layer = {"overlay_image": "x", "mask": "x", "overlay_resize": "None", "gravity": "center"}
    overlays, files = [], {"base_image": base}
    for index in range(16):
        overlays.append({**layer, "flip": FLIPS[index % len(FLIPS)]})
        files |= {f"overlays[{index}].overlay_image": overlay, f"overlays[{index}].mask": mask}
    output = {"animation": "keep", "image_format": "webp", "image_quality": 80} if kind == "animation" else {}
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    return peak_mb(partial(render_files, files, overlays=overlays, **output))


def render_files(files: Files, cache: DecodedCache | None = None, **params: Any) -> bytes:
    """The rendered picture of a request; `files` has its pictures by parameter path."""
    references = dict.fromkeys((name for name in files if "." not in name), "x")
    request = SuperimposeRequest(**references, **params)
    return render(request.scene(), files, limits=Limits(max_bytes=1 << 30), cache=cache).data
