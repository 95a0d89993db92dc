"""One overlay repeated over the whole base."""

from PIL import Image

from compositor.box import Size, common, shifted, whole
from compositor.errors import ImageTooLarge
from compositor.limits import Limits
from compositor.over import put_over


def check_tile(size: Size, limits: Limits) -> None:
    """Raises `ImageTooLarge` where a tile of `size` would take more pixels than an input may have."""
    width, height = size
    if width * height > limits.max_pixels:
        raise ImageTooLarge(
            "overlay_image",
            f"{width} x {height} = {width * height / 1e6:.4g} MP once resized, at most"
            f" {limits.max_pixels / 1e6:.4g} MP as a tile; make it smaller",
        )


def put_tiles(
    canvas: Image.Image, tile: Image.Image, corner: tuple[int, int], spacing: int, blend_mode: str
) -> None:
    """Composite `tile` (RGB or RGBA) over all of `canvas`, in place, `spacing` pixels apart both ways.

    One of the tiles has its top-left pixel at `corner`.
    """
    pitch_x, pitch_y = tile.width + spacing, tile.height + spacing
    row = _row(tile, pitch_x, canvas.width + pitch_x)
    left, top = corner[0] % pitch_x - pitch_x, corner[1] % pitch_y - pitch_y
    for y in range(top, canvas.height, pitch_y):
        standing = shifted(whole(row.size), (left, y))
        seen = common(standing, whole(canvas.size))
        if seen is not None:
            put_over(canvas, row.crop(shifted(seen, (-left, -y))), seen, blend_mode)


def _row(tile: Image.Image, pitch: int, width: int) -> Image.Image:
    """Tiles side by side on `width` pixels, the first at the left; each step doubles what is there."""
    row = Image.new("RGBA", (width, tile.height))
    row.paste(tile, (0, 0))
    filled = pitch
    while filled < width:
        row.paste(row.crop((0, 0, min(filled, width - filled), row.height)), (filled, 0))
        filled *= 2
    return row
