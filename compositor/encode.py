"""Pixels to the bytes of the answer."""

import io

import fpng
from PIL import Image

CONTENT_TYPES = {"jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp", "avif": "image/avif"}


def encode(canvas: Image.Image, image_format: str, quality: int) -> bytes:
    """The RGB or RGBA `canvas` as a file of `image_format`."""
    if image_format == "png":
        return bytes(fpng.from_pil(canvas))
    out = io.BytesIO()
    if image_format == "jpeg":
        _flattened(canvas).save(out, "JPEG", quality=quality, subsampling=0 if quality >= 90 else 2)
    else:
        canvas.save(out, image_format.upper(), quality=quality)
    return out.getvalue()


def _flattened(canvas: Image.Image) -> Image.Image:
    if canvas.mode == "RGB":
        return canvas
    flat = Image.new("RGB", canvas.size, "white")
    flat.paste(canvas, (0, 0), canvas)
    return flat
