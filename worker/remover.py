"""The hook that takes the background of an overlay away: `SUPERIMPOSE_REMOVER`."""

from typing import Protocol

from PIL import Image

from jobs.config.settings import Settings
from worker.plugin import load_plugin


class Remover(Protocol):
    """What the setting's callable makes, once per process and before its first job, from our `Settings`."""

    def __call__(self, model: str, picture: Image.Image) -> Image.Image:
        """The RGB or RGBA `picture` without its background, or a mask of mode "L", white where it stays.

        Either has the picture's size. `model` is the word that the request gives. The picture is the
        remover's to change. What it raises fails this attempt at the job.
        """


def load_remover(settings: Settings) -> Remover | None:
    """The remover that the settings name; None without one. Raises `UnusablePlugin`."""
    remover: Remover | None = load_plugin(settings, "remover", "remover")
    return remover
