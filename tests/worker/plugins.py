"""Plugins for tests: content checks that act at certain colours, and a remover."""

import os
import time

from PIL import Image

from jobs.config.settings import Settings

BLOCKED = (128, 0, 128)
BREAKS = (0, 128, 128)
SLEEPS = (0, 0, 128)
KILLS = (0, 128, 0)
REASON = "shows a forbidden purple"


class NoPurple:
    """Decides by the colour in the centre, and modifies the picture that it was given."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def __call__(self, name: str, picture: Image.Image) -> str | None:  # noqa: ARG002
        middle = picture.getpixel((picture.width // 2, picture.height // 2))
        picture.paste("yellow", (0, 0, *picture.size))
        picture.thumbnail((8, 8))
        if middle == BREAKS:
            raise RuntimeError("the check is broken")
        return REASON if middle == BLOCKED else None


class Fragile:
    """Sleeps at one colour, and kills its process at another."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def __call__(self, name: str, picture: Image.Image) -> None:
        if name != "overlay_image":
            return
        match picture.getpixel((0, 0)):
            case colour if colour == SLEEPS:
                time.sleep(3)
            case colour if colour == KILLS:
                os._exit(3)


def plain_function(name: str, picture: Image.Image) -> str | None:
    """Is configured by mistake instead of the callable that creates a check."""


def makes_nothing(settings: Settings) -> None:
    """Forgets to return the plugin."""


def dies(settings: Settings) -> None:
    """Kills the process."""
    os._exit(3)


class LeftHalf:
    """A remover that keeps the left half, in a way that depends on the model's name.

    It modifies the picture that it was given.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def __call__(self, model: str, picture: Image.Image) -> Image.Image:
        kept = Image.new("L", picture.size, 0)
        kept.paste(255, (0, 0, picture.width // 2, picture.height))
        colours = picture.convert("RGB")
        picture.paste("yellow", (0, 0, *picture.size))
        if model == "breaks":
            raise RuntimeError("the remover is broken")
        if model == "shrinks":
            return kept.resize((1, 1))
        return kept if model == "mask" else Image.merge("RGBA", [*colours.split(), kept])
