"""Puts layers on the base, once or as tiles, and the result on a background."""

from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image

from compositor.decoding.colour import from_srgb
from compositor.errors import ImageTooLarge, megapixels
from compositor.files import Limits
from compositor.geometry import Size
from compositor.layers.prepared import Pictures, Piece, PreparedLayer
from compositor.over import put_over
from compositor.scene import Layer

_BAND_PIXELS = 4 * 1024 * 1024  # of adjacent tiles composited at once; limits their memory


@dataclass
class Overlay:
    """A layer for all bases of size `base`: its pieces are cached for the next one.

    If the pieces have more than `kept_pixels`, they are computed again for each base; then the copies of the
    layer's pictures are cached, unless these have more than `kept_pixels`, too.
    """

    layer: Layer
    pictures: Pictures
    base: Size
    limits: Limits
    kept_pixels: int = 0
    _prepared: PreparedLayer | None = None
    _cached: list[Piece] | None = None

    def put(self, canvas: Image.Image) -> None:
        """Put it on the RGB or RGBA `canvas`, in place. Raises `ImageTooLarge` for a too large tile."""
        spacing, blend_mode = self.layer.tile_spacing, self.layer.blend_mode
        for piece, box in self._pieces() if self._cached is None else self._cached:
            if spacing is None:
                put_over(canvas, piece, box, blend_mode)
            else:
                put_tiles(canvas, piece, box[:2], spacing, blend_mode)

    def _pieces(self) -> Iterator[Piece]:
        prepared = self._prepared or PreparedLayer.of(self.layer, self.pictures, self.base)
        is_tile = self.layer.tile_spacing is not None
        if is_tile:
            _check_tile(prepared.size, self.limits, self.layer.picture)
        pieces, pixels = list[Piece](), 0
        for piece, box in [prepared.tile()] if is_tile else prepared.pieces(self.base):
            pixels += piece.width * piece.height
            if pixels <= self.kept_pixels:
                pieces.append((piece, box))
            else:
                pieces.clear()
            yield piece, box
        fits = pixels <= self.kept_pixels
        self._cached = pieces if fits else None
        keeps_copies = not fits and prepared.copied_pixels(self.pictures) <= self.kept_pixels
        self._prepared = prepared if keeps_copies else None


def _check_tile(size: Size, limits: Limits, name: str) -> None:
    """Raises `ImageTooLarge` for input `name` if a tile would have more pixels than an input may have."""
    pixels, allowed = size[0] * size[1], limits.max_pixels
    if pixels > allowed:
        large = f"{size[0]} x {size[1]} = {megapixels(pixels)} once resized"
        raise ImageTooLarge(name, f"{large}, at most {megapixels(allowed)} as a tile; make it smaller")


def put_tiles(
    canvas: Image.Image, tile: Image.Image, corner: tuple[int, int], spacing: int, blend_mode: str
) -> None:
    """Composite copies of `tile` over `canvas`, `spacing` pixels apart, one of them at `corner`."""
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


def on_background(
    base: Image.Image, background: str | None, image_format: str, profile: bytes = b""
) -> Image.Image:
    """RGB or RGBA `base` on `background`; by default on white for "jpeg", which has no transparency.

    `background` is in sRGB, `base` in the colour space of the ICC `profile`, empty for sRGB.
    """
    colour = background or ("#ffffff" if image_format == "jpeg" else None)
    if base.mode == "RGB" or colour is None:
        return base
    flat = Image.new("RGB", base.size, from_srgb(Image.new("RGB", (1, 1), colour), profile).getpixel((0, 0)))
    flat.paste(base, (0, 0), base)
    return flat
