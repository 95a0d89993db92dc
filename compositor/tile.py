"""One overlay repeated over the whole base."""

from PIL import Image

from compositor.box import Size
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
    left, top = corner[0] % pitch_x - pitch_x, corner[1] % pitch_y - pitch_y
    rows: dict[tuple[int, int], Image.Image] = {}
    for y in range(top, canvas.height, pitch_y):
        seen = max(0, -y), min(tile.height, canvas.height - y)  # of the tile's own rows of pixels
        if seen[0] >= seen[1]:
            continue
        if seen not in rows:
            strip = tile.crop((0, seen[0], tile.width, seen[1]))
            rows[seen] = _row(strip, pitch_x, canvas.width + pitch_x).crop(
                (-left, 0, canvas.width - left, strip.height)
            )
        put_over(canvas, rows[seen], (0, y + seen[0], canvas.width, y + seen[1]), blend_mode)


def _row(tile: Image.Image, pitch: int, width: int) -> Image.Image:
    """Tiles side by side on `width` pixels, the first at the left; each step doubles what is there."""
    row = Image.new("RGBA", (width, tile.height))
    row.paste(tile, (0, 0))
    filled = pitch
    while filled < width:
        row.paste(row.crop((0, 0, min(filled, width - filled), row.height)), (filled, 0))
        filled *= 2
    return row
