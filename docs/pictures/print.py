"""Draws the design that the samples print on the T-shirt: a sun behind hills, with a name below.

python docs/pictures/print.py [FOLDER]
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFont

SAMPLES = Path(__file__).parents[2] / "jobs" / "pictures" / "samples"
WIDTH, HEIGHT = 640, 660
SCALE = 4  # drawn larger, then made smaller
HILLS = (("#2a9d8f", 400, 42, 0.4), ("#1f6f78", 446, 34, 2.6), ("#173f5f", 462, 24, 4.0))


def sky():
    y = np.mgrid[0 : HEIGHT * SCALE, 0 : WIDTH * SCALE][0] / SCALE
    t = np.clip((y - 30) / 480, 0, 1)[..., None]
    colour = np.array([255, 214, 102]) * (1 - t) + np.array([244, 108, 78]) * t
    slit = (y > 250) & ((y - 250) % 34 < 4 + (y - 250) / 20)
    return Image.fromarray(np.uint8(np.concatenate([colour, 255 * ~slit[..., None]], 2)))


def design():
    image = sky()
    draw = ImageDraw.Draw(image)
    for colour, base, swing, phase in HILLS:
        x = np.arange(0, WIDTH + 1, 2)
        y = base + swing * np.sin(x / 92 + phase) - swing / 2 * np.sin(x / 41)
        ridge = np.stack([x, y], 1).tolist()
        draw.polygon([(x * SCALE, y * SCALE) for x, y in [*ridge, (WIDTH, HEIGHT), (0, HEIGHT)]], fill=colour)
    disc = Image.new("L", image.size)
    ImageDraw.Draw(disc).ellipse([side * SCALE for side in (80, 30, 560, 510)], fill=255)
    image.putalpha(ImageChops.multiply(image.getchannel("A"), disc))
    font, at = ImageFont.load_default(72 * SCALE), 17 * SCALE
    for letter in "SUPERIMPOSE":
        draw.text((at, 600 * SCALE), letter, "#fff3dc", font, "lm", stroke_width=1.2 * SCALE)
        at += font.getlength(letter) + 12.2 * SCALE
    return image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else SAMPLES
    design().save(folder / "print.png", optimize=True)
