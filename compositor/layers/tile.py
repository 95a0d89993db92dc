"""Repeats an overlay over the whole base."""

from PIL import Image

from compositor.errors import ImageTooLarge
from compositor.geometry import Size
from compositor.limits import Limits
from compositor.over import put_over

_BAND_PIXELS = 4 * 1024 * 1024  # of adjacent tiles composited at once; limits their memory


def check_tile(size: Size, limits: Limits, name: str) -> None:
    """Raises `ImageTooLarge` for input `name` if a tile would have more pixels than an input may have."""
    width, height = size
    if width * height > limits.max_pixels:
        raise ImageTooLarge(
            name,
            f"{width} x {height} = {width * height / 1e6:.4g} MP once resized, at most"
            f" {limits.max_pixels / 1e6:.4g} MP as a tile; make it smaller",
        )


def put_tiles(
    canvas: Image.Image, tile: Image.Image, corner: tuple[int, int], spacing: int, blend_mode: str
) -> None:
    """Composite copies of the RGB or RGBA `tile` over `canvas`, in place, `spacing` pixels apart.

    One of the tiles has its top-left pixel at `corner`.
    """
    pitch_x, pitch_y = tile.width + spacing, tile.height + spacing
    left, top = corner[0] % pitch_x - pitch_x, corner[1] % pitch_y - pitch_y
    rows = min(_BAND_PIXELS // (canvas.width * pitch_y), canvas.height // pitch_y + 2)
    block = tile if rows < 2 else _repeated(tile, rows * pitch_y, pitch_y, across=False)
    for y in range(top, canvas.height, max(1, rows) * pitch_y):
        first, last = max(0, -y), min(block.height, canvas.height - y)
        if first < last:
            strip = block.crop((0, first, tile.width, last))
            band = _repeated(strip, canvas.width - left, pitch_x, across=True)
            part = band.crop((-left, 0, canvas.width - left, strip.height))
            put_over(canvas, part, (0, y + first, canvas.width, y + last), blend_mode)


def _repeated(image: Image.Image, length: int, pitch: int, across: bool) -> Image.Image:
    """`image` every `pitch` pixels up to `length`, across or down; each step doubles the copies."""
    repeated = Image.new("RGBA", (length, image.height) if across else (image.width, length))
    repeated.paste(image, (0, 0))
    filled = pitch
    while filled < length:
        step = min(filled, length - filled)
        if across:
            repeated.paste(repeated.crop((0, 0, step, image.height)), (filled, 0))
        else:
            repeated.paste(repeated.crop((0, 0, image.width, step)), (0, filled))
        filled *= 2
    return repeated
