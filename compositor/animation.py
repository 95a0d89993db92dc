"""Whether a file holds more than the one frame that is used; told without decoding a second one."""

from PIL import Image

_EXTENSION, _IMAGE = 0x21, 0x2C


def is_animated(image: Image.Image, data: bytes) -> bool:
    """Whether `image`, opened from the file `data`, is the first frame of several.

    PNG, WebP and AVIF declare it. The pictures of a multi-picture JPEG are no frames.
    """
    if image.format == "GIF":
        return _second_gif_frame(data)
    return image.format in ("PNG", "WEBP", "AVIF") and bool(getattr(image, "is_animated", False))


def _second_gif_frame(data: bytes) -> bool:
    """Walk the blocks of a GIF (GIF89a specification, appendix A) to its second image descriptor."""
    at, frames = 13 + _palette(data, 10), 0
    while frames < 2 and at + 9 < len(data):
        if data[at] == _EXTENSION:
            at = _past_blocks(data, at + 2)
        elif data[at] == _IMAGE:
            frames += 1
            at = _past_blocks(data, at + 11 + _palette(data, at + 9))
        else:
            break
    return frames == 2


def _palette(data: bytes, flags_at: int) -> int:
    """Bytes taken by the colour table whose flags stand at `flags_at`."""
    flags = data[flags_at]
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _past_blocks(data: bytes, at: int) -> int:
    """Where the sub-blocks that begin at `at` end."""
    while at < len(data) and data[at]:
        at += 1 + data[at]
    return at + 1
