"""The hook that removes the background of an overlay: `SUPERIMPOSE_REMOVER`."""

from typing import Protocol

from PIL import Image


class Remover(Protocol):
    """What the setting's callable returns when a process calls it with our `Settings`, once at its start."""

    def __call__(self, model: str, picture: Image.Image) -> Image.Image:
        """The RGB or RGBA `picture` without its background, or a mask of mode "L", white where it is opaque.

        Either has the size of `picture`, which the remover may modify. `model` is the value in the request.
        An exception fails this attempt at the job.
        """
