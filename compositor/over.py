"""Source-over compositing, W3C Compositing and Blending Level 1, section 5, with or without a blend mode."""

import numpy as np
from PIL import Image

from compositor.blend import BLENDS, Floats
from compositor.geometry import Box, cells, shifted, size_of, whole

_CELL_SIDE = 128  # pixels; a blend mode uses about ten floats per pixel, which should fit into the cache


def put_over(canvas: Image.Image, piece: Image.Image, box: Box, blend_mode: str = "normal") -> None:
    """Composite `piece` over `box` of `canvas`, in place. Both are RGB or RGBA, `box` lies inside `canvas`.

    co = cs as + cb ab (1 - as), ao = as + ab (1 - as)
    """
    if blend_mode != "normal":
        _mix(canvas, piece, box, blend_mode)
    elif piece.mode == "RGB":
        canvas.paste(piece.convert(canvas.mode), box)
    elif canvas.mode == "RGB":
        canvas.paste(piece, box, piece)
    else:
        canvas.alpha_composite(piece, box[:2])


def _mix(canvas: Image.Image, piece: Image.Image, box: Box, blend_mode: str) -> None:
    for cell in cells(whole(size_of(box)), _CELL_SIDE, whole(size_of(box))):
        target = shifted(cell, box[:2])
        mixed = _mixed(_floats(canvas.crop(target)), _floats(piece.crop(cell)), blend_mode)
        pixels = np.rint(mixed * 255).astype(np.uint8)[: len(canvas.mode)]
        canvas.paste(Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0))), target)


def _mixed(base: Floats, overlay: Floats, blend_mode: str) -> Floats:
    """(4, height, width) float32 of straight colour and alpha, 0 to 1, as both arguments.

    Section 9.1.4: Cs' = (1 - ab) Cs + ab B(Cb, Cs), then source-over.
    """
    cb, ab = base[:3], base[3:]
    cs, alpha_s = overlay[:3], overlay[3:]
    mixed = (1 - ab) * cs + ab * BLENDS[blend_mode](cb, cs)
    ao = alpha_s + ab * (1 - alpha_s)
    co = (mixed * alpha_s + cb * ab * (1 - alpha_s)) / np.maximum(ao, np.float32(1e-7))
    return np.concatenate([co, ao], axis=0).clip(0, 1)


def _floats(image: Image.Image) -> Floats:
    """(4, height, width) float32, 0 to 1; with bands first, minimum and maximum are much faster."""
    levels = np.asarray(image.convert("RGBA")).transpose(2, 0, 1).astype(np.float32, order="C")
    levels *= np.float32(1 / 255)
    return levels
