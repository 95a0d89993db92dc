"""Folders of bases, and how a user adds them to the page."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from PIL import Image

from tests.playground.conftest import Visit

END = "#batch-zip:not([hidden])"


def folder_of(place: Path, names: Iterable[str], size: tuple[int, int] = (60, 40)) -> Path:
    """A folder "cups" with small pictures of different greys."""
    folder = place / "cups"
    for at, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size, (at * 9 % 256,) * 3).save(path, "JPEG")
    return folder


def drop(seen: Visit, paths: Sequence[Path], on: str = '[data-field="base_image"]') -> None:
    """Drag files or folders from the desktop onto a part of the page."""
    box = seen.page.locator(on).bounding_box()
    assert box is not None
    at = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    browser = seen.page.context.new_cdp_session(seen.page)
    for kind in ("dragEnter", "dragOver", "drop"):
        browser.send("Input.dispatchDragEvent", {"type": kind, **at, "data": data})


def take(seen: Visit, paths: Sequence[Path]) -> None:
    """Drop files, and wait until the first is the base."""
    drop(seen, paths)
    seen.page.wait_for_selector('#bases [aria-pressed="true"]')


def names(seen: Visit) -> list[str]:
    """The names on the tiles."""
    return seen.page.locator("#bases b").all_inner_texts()


def send(seen: Visit) -> None:
    """Press Submit, and wait until the batch has ended and its results are shown."""
    seen.page.click("#submit")
    await_end(seen)


def await_end(seen: Visit) -> None:
    """Wait until the results of an ended batch are shown."""
    seen.page.wait_for_selector(END)
    seen.page.wait_for_selector("#submit:enabled")
