"""The hook that may block a decoded input or an output: `SUPERIMPOSE_CONTENT_CHECK`."""

from collections.abc import Iterator
from typing import Protocol

from PIL import Image

from compositor import Inspect
from jobs.lifecycle.status import FailureCode


class ContentCheck(Protocol):
    """What the setting's callable returns when a process calls it with our `Settings`, once at its start."""

    def __call__(self, name: str, picture: Image.Image) -> str | None:
        """None lets the RGB `picture` pass; any other value blocks it and is logged as the reason.

        `name` is "base_image", "overlay_image", "mask" or "output". The check may modify the picture.
        An exception fails this attempt at the job, so that no output goes unchecked.
        """


class ContentBlocked(Exception):
    """The content check blocked a picture; `reason` is only logged."""

    code = FailureCode.CONTENT_BLOCKED

    def __init__(self, name: str, reason: str) -> None:
        what = "the resulting picture" if name == "output" else "this picture"
        super().__init__(f"{name}: {what} is against the content rules of this service; use another picture")
        self.reason = f"{name}: {reason}"


def inspection(check: ContentCheck) -> Inspect:
    """`check` as the compositor calls it; raises `ContentBlocked` for a blocked picture."""

    def inspect(name: str, picture: Image.Image) -> None:
        for view in views(picture):
            reason = check(name, view)
            if reason is not None:
                raise ContentBlocked(name, str(reason))

    return inspect


def views(picture: Image.Image) -> Iterator[Image.Image]:
    """All renditions of the RGB or RGBA `picture` that must pass, each a new RGB image.

    A transparent picture yields three: its colours without alpha, which anyone can remove, and the picture on
    white and on black, since a drawing in the alpha of a single colour shows on at least one of them.
    """
    yield picture.convert("RGB")
    if picture.has_transparency_data and picture.getextrema()[-1] != (255, 255):
        for background in ("white", "black"):
            flat = Image.new("RGB", picture.size, background)
            flat.paste(picture, mask=picture)
            yield flat
