"""Overlays one picture on another: bytes in, bytes out, no network, no files.

Names are imported lazily, so that code that only validates parameters loads no decoder.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from compositor.decoding.identify import identify as identify
    from compositor.decoding.inputs import DecodedCache as DecodedCache
    from compositor.errors import CompositorError as CompositorError
    from compositor.errors import ImageTooLarge as ImageTooLarge
    from compositor.errors import InvalidImage as InvalidImage
    from compositor.files import File as File
    from compositor.files import Limits as Limits
    from compositor.files import Unread as Unread
    from compositor.layers.alpha import Remove as Remove
    from compositor.models.superimpose import SuperimposeParams as SuperimposeParams
    from compositor.models.superimpose import SuperimposeRequest as SuperimposeRequest
    from compositor.rendering import Inspect as Inspect
    from compositor.rendering import Rendered as Rendered
    from compositor.rendering import render as render
    from compositor.rendering import superimpose as superimpose
    from compositor.scene import Scene as Scene

_NAMES = {
    "decoding.identify": ("identify",),
    "decoding.inputs": ("DecodedCache",),
    "errors": ("CompositorError", "ImageTooLarge", "InvalidImage"),
    "files": ("File", "Limits", "Unread"),
    "layers.alpha": ("Remove",),
    "models.superimpose": ("SuperimposeParams", "SuperimposeRequest"),
    "rendering": ("Inspect", "Rendered", "render", "superimpose"),
    "scene": ("Scene",),
}


def __getattr__(name: str) -> Any:
    for module, names in _NAMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
