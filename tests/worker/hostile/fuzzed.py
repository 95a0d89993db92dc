"""Valid files with a few bytes or bits changed, deterministically."""

import random

from tests.compositor.pictures import read
from tests.worker.hostile.files import EITHER, Hostile

SEEDS = range(10)
WHOLE = (
    "made/baseline.jpg",
    "made/progressive.jpg",
    "made/arithmetic.jpg",
    "pillow/pil_sample_cmyk.jpg",
    "made/rgba.png",
    "pngsuite/basi3p08.png",
    "pngsuite/basn6a16.png",
    "made/alpha.webp",
    "made/animated.webp",
    "made/animated.gif",
    "made/rgb.avif",
    "made/alpha.avif",
)


def mutated(data: bytes, chance: random.Random) -> bytes:
    """`data` with one to eight bytes replaced, bits flipped or parts moved, mostly at its start."""
    spoilt = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        at = int(len(spoilt) * chance.random() ** chance.choice((1, 3)))
        kind = chance.randrange(5)
        if kind == 0:
            spoilt[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            spoilt[at] = chance.choice((0, 1, 0x7F, 0x80, 0xFF))
        elif kind == 2:
            spoilt[at : at + 4] = chance.randbytes(4)
        elif kind == 3:
            del spoilt[at : at + chance.randint(1, 40)]
        else:
            spoilt[at:at] = spoilt[at : at + chance.randint(1, 40)]
        spoilt = spoilt or bytearray(b"\0")
    return bytes(spoilt)


FUZZED = [
    Hostile(
        f"fuzzed-{name}-{seed}",
        EITHER,
        lambda name=name, seed=seed: mutated(read(name), random.Random(f"{name}{seed}")),
    )
    for name in WHOLE
    for seed in SEEDS
]
