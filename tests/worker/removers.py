"""Removers for tests: one keeps the left half, in a way that depends on the model's name."""

from PIL import Image

from jobs.config.settings import Settings


class LeftHalf:
    """Modifies the picture that it was given."""

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


def makes_nothing(settings: Settings) -> None:
    """Forgets to return the remover."""
