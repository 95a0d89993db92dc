"""The hook between decode and encode that may block a picture: `SUPERIMPOSE_CONTENT_CHECK`."""

from collections.abc import Iterator
from typing import Protocol

from PIL import Image

from compositor import Inspect
from jobs.config.settings import Settings
from jobs.lifecycle.status import FailureCode
from worker.plugin import load_plugin


class ContentCheck(Protocol):
    """What the setting's callable makes, once per process and before its first job, from our `Settings`."""

    def __call__(self, name: str, picture: Image.Image) -> str | None:
        """None lets the RGB `picture` pass; anything else blocks it, and is the reason for the log.

        `name` is "base_image", "overlay_image", "mask" or "output". The picture is the check's to change.
        What it raises fails this attempt at the job: nothing goes out unchecked.
        """


class ContentBlocked(Exception):
    """A picture that must not be used or given out; `reason` is for the log alone."""

    code = FailureCode.CONTENT_BLOCKED

    def __init__(self, name: str, reason: str) -> None:
        shown = "the picture that this request makes" if name == "output" else "this picture"
        super().__init__(f"{name}: {shown} is against the content rules of this service; use another picture")
        self.reason = f"{name}: {reason}"


def load_check(settings: Settings) -> ContentCheck | None:
    """The check that the settings name; None without one. Raises `UnusablePlugin`."""
    check: ContentCheck | None = load_plugin(settings, "content_check", "check")
    return check


def inspection(check: ContentCheck) -> Inspect:
    """`check` as the compositor calls it. It raises `ContentBlocked`."""

    def inspect(name: str, picture: Image.Image) -> None:
        for view in views(picture):
            reason = check(name, view)
            if reason is not None:
                raise ContentBlocked(name, str(reason))

    return inspect


def views(picture: Image.Image) -> Iterator[Image.Image]:
    """Every way to see the RGB or RGBA `picture`, as RGB images of their own.

    A transparent one is its colours without their transparency, which anyone can undo, and itself on white
    and on black: what is drawn in the alpha of one colour shows on one of them.
    """
    yield picture.convert("RGB")
    if picture.has_transparency_data and picture.getextrema()[-1] != (255, 255):
        for background in ("white", "black"):
            flat = Image.new("RGB", picture.size, background)
            flat.paste(picture, mask=picture)
            yield flat
