"""Overlays one picture on another: bytes in, bytes out, no network, no files.

Names are imported lazily, so that code that only validates parameters loads no decoder.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from compositor.decoding.cache import DecodedCache
    from compositor.decoding.identify import identify
    from compositor.errors import CompositorError, ImageTooLarge, InvalidImage
    from compositor.file import File, Unread
    from compositor.layers.removal import Remove
    from compositor.limits import Limits
    from compositor.models.superimpose import SuperimposeParams, SuperimposeRequest
    from compositor.rendering import Inspect, Rendered, render
    from compositor.scene import Scene
    from compositor.single import superimpose

__all__ = [
    "CompositorError",
    "DecodedCache",
    "File",
    "ImageTooLarge",
    "Inspect",
    "InvalidImage",
    "Limits",
    "Remove",
    "Rendered",
    "Scene",
    "SuperimposeParams",
    "SuperimposeRequest",
    "Unread",
    "identify",
    "render",
    "superimpose",
]

_MODULES = {
    "CompositorError": "errors",
    "DecodedCache": "decoding.cache",
    "File": "file",
    "ImageTooLarge": "errors",
    "Inspect": "rendering",
    "InvalidImage": "errors",
    "Limits": "limits",
    "Remove": "layers.removal",
    "Rendered": "rendering",
    "Scene": "scene",
    "SuperimposeParams": "models.superimpose",
    "SuperimposeRequest": "models.superimpose",
    "Unread": "file",
    "identify": "decoding.identify",
    "render": "rendering",
    "superimpose": "single",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
