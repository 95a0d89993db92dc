"""Animations of random parts, and their frames by the formats' definitions, in numpy."""

import struct
import zlib
from dataclasses import dataclass

import numpy as np
from PIL import Image

from tests.compositor.pictures import saved

SIZE = (24, 18)
KEPT, CLEARED, RESTORED = range(3)


@dataclass(frozen=True)
class Patch:
    """(height, width, 4) uint8 `pixels` at `at`; `after` is the disposal."""

    pixels: np.ndarray
    at: tuple[int, int]
    milliseconds: int
    blends: bool = True
    after: int = KEPT


def random_patches(seed: int, image_format: str, opaque: bool = False, count: int = 7) -> list[Patch]:
    """If `opaque`, the first covers the canvas. Places are even for "WEBP", alpha is 0 or 255 for "GIF"."""
    random = np.random.default_rng(seed)
    patches = []
    for number in range(count):
        left, top = (int(random.integers(0, most - 6)) // 2 * 2 for most in SIZE)
        width, height = (
            int(random.integers(1, most - at + 1)) for most, at in zip(SIZE, (left, top), strict=True)
        )
        if number == 0 and opaque:
            left, top, (width, height) = 0, 0, SIZE
        few = random.integers(0, 256, (12, 4), np.uint8)
        pixels = few[random.integers(0, 12, (height, width))]
        if image_format == "GIF":
            pixels[..., 3] = np.where(pixels[..., 3] < 80, 0, 255)
        if opaque:
            pixels[..., 3] = 255
        blends = image_format == "GIF" or bool(random.integers(2))
        kinds = {"GIF": 3, "PNG": 3, "WEBP": 2}[image_format]
        after = KEPT if opaque else int(random.integers(kinds))
        patches.append(Patch(pixels, (left, top), int(random.integers(2, 40)) * 10, blends, after))
    return patches


def composed(patches: list[Patch]) -> list[np.ndarray]:
    """(height, width, 4) float levels of each frame, alpha last."""
    canvas = np.zeros((SIZE[1], SIZE[0], 4))
    shown = []
    for patch in patches:
        before = canvas.copy()
        height, width = patch.pixels.shape[:2]
        area = canvas[patch.at[1] : patch.at[1] + height, patch.at[0] : patch.at[0] + width]
        if patch.blends:
            over, under = patch.pixels[..., 3:] / 255, area[..., 3:] / 255
            alpha = over + under * (1 - over)
            colour = patch.pixels[..., :3] * over + area[..., :3] * under * (1 - over)
            area[..., :3] = np.divide(colour, alpha, out=np.zeros_like(colour), where=alpha > 0)
            area[..., 3:] = alpha * 255
        else:
            area[:] = patch.pixels
        shown.append(canvas.copy())
        if patch.after == CLEARED:
            area[:] = 0
        elif patch.after == RESTORED:
            canvas = before
    return shown


def file(patches: list[Patch], image_format: str, plays: int = 0) -> bytes:
    """The animation as a file."""
    return {"GIF": _gif, "PNG": _png, "WEBP": _webp}[image_format](patches, plays)


def _gif(patches: list[Patch], plays: int) -> bytes:
    """Each frame with its own table of 16 colours, the last one transparent, encoded by Pillow."""
    written = [b"GIF89a", struct.pack("<HH", *SIZE), bytes(3)]
    if plays != 1:
        repeats = struct.pack("<H", max(0, plays - 1))
        written.append(b"\x21\xff\x0bNETSCAPE2.0\x03\x01" + repeats + b"\0")
    for patch in patches:
        flat = patch.pixels.reshape(-1, 4)
        colours, indices = np.unique(flat[:, :3], axis=0, return_inverse=True)
        indices = np.where(flat[:, 3] == 0, 15, indices.reshape(-1)).astype(np.uint8)
        image = Image.fromarray(indices.reshape(patch.pixels.shape[:2]))
        table = np.zeros((16, 3), np.uint8)
        table[: len(colours)] = colours
        image = image.convert("L")
        image.putpalette(table.tobytes())
        data = saved(image, "GIF", optimize=False, interlace=0)
        bits = (data[10] & 7) + 1
        pixels = data[13 + 3 * 2**bits :]
        pixels = pixels[pixels.index(b"\x2c") + 10 : -1]
        control = (patch.after + 1 if patch.after else 1) << 2 | 1
        table_bytes = data[13 : 13 + 3 * 2**bits]
        written += [
            b"\x21\xf9\x04" + struct.pack("<BHBB", control, patch.milliseconds // 10, 15, 0),
            b"\x2c" + struct.pack("<HHHH", *patch.at, image.width, image.height),
            bytes((0x80 | bits - 1,)) + table_bytes + pixels,
        ]
    return b"".join([*written, b"\x3b"])


def _png(patches: list[Patch], plays: int) -> bytes:
    def chunk(name: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        )

    number = 0
    head = struct.pack(">IIBBBBB", *SIZE, 8, 6, 0, 0, 0)
    written = [
        b"\x89PNG\r\n\x1a\n",
        chunk(b"IHDR", head),
        chunk(b"acTL", struct.pack(">II", len(patches), plays)),
    ]
    default = patches[0].pixels.shape[:2] != SIZE[::-1]
    if default:  # an image that is no frame, since the first does not cover the canvas
        written.append(chunk(b"IDAT", zlib.compress(bytes(SIZE[1] * (1 + 4 * SIZE[0])))))
    for patch in patches:
        height, width = patch.pixels.shape[:2]
        control = (number, width, height, *patch.at, patch.milliseconds, 1000, patch.after, patch.blends)
        written.append(chunk(b"fcTL", struct.pack(">IIIIIHHBB", *control)))
        number += 1
        packed = zlib.compress(b"".join(b"\0" + row.tobytes() for row in patch.pixels))
        for part in (packed[: len(packed) // 2], packed[len(packed) // 2 :]):
            if patch is patches[0] and not default:
                written.append(chunk(b"IDAT", part))
            else:
                written.append(chunk(b"fdAT", struct.pack(">I", number) + part))
                number += 1
    return b"".join([*written, chunk(b"IEND", b"")])


def _webp(patches: list[Patch], plays: int) -> bytes:
    def chunk(name: bytes, content: bytes) -> bytes:
        return name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)

    def three(number: int) -> bytes:
        return number.to_bytes(3, "little")

    width, height = SIZE
    body = chunk(b"VP8X", bytes((0x12, 0, 0, 0)) + three(width - 1) + three(height - 1))
    body += chunk(b"ANIM", bytes((255, 0, 0, 255)) + struct.pack("<H", plays))
    for patch in patches:
        height, width = patch.pixels.shape[:2]
        picture = saved(patch.pixels, "WEBP", lossless=True, exact=True)[12:]
        at = three(patch.at[0] // 2) + three(patch.at[1] // 2)
        flags = bytes(((not patch.blends) << 1 | (patch.after == CLEARED),))
        head = at + three(width - 1) + three(height - 1) + three(patch.milliseconds) + flags
        body += chunk(b"ANMF", head + picture)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body
