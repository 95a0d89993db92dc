"""The seed example with plain Pillow."""

import io

from PIL import Image

from benchmarks.seed import PARAMS

FACTOR, X, Y = (PARAMS[name] for name in ("rescale_factor", "x_offset", "y_offset"))


def with_pillow(base: bytes, overlay: bytes, image_format: str) -> bytes:
    """From files to a file: JPEG at quality 95 with full chroma, or PNG with Pillow's default settings."""
    canvas = Image.open(io.BytesIO(base)).convert("RGBA")
    logo = Image.open(io.BytesIO(overlay)).convert("RGBA")
    logo = logo.resize((int(logo.width * FACTOR), int(logo.height * FACTOR)), Image.Resampling.NEAREST)
    canvas.alpha_composite(logo, (X, Y))
    out = io.BytesIO()
    if image_format == "png":
        canvas.save(out, "PNG")
    else:
        canvas.convert("RGB").save(out, "JPEG", quality=95, subsampling=0)
    return out.getvalue()
