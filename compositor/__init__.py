"""Overlays one picture on another: bytes in, bytes out, no network, no files.

Loads lazily: whoever only validates parameters never loads a decoder.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from compositor.decoding.cache import DecodedCache
    from compositor.decoding.identify import identify
    from compositor.errors import CompositorError, ImageTooLarge, InvalidImage
    from compositor.limits import Limits
    from compositor.params import SuperimposeParams, SuperimposeRequest
    from compositor.pipeline import Inspect, Superimposed, superimpose

__all__ = [
    "CompositorError",
    "DecodedCache",
    "ImageTooLarge",
    "Inspect",
    "InvalidImage",
    "Limits",
    "SuperimposeParams",
    "SuperimposeRequest",
    "Superimposed",
    "identify",
    "superimpose",
]

_HOMES = {
    "CompositorError": "errors",
    "DecodedCache": "decoding.cache",
    "ImageTooLarge": "errors",
    "Inspect": "pipeline",
    "InvalidImage": "errors",
    "Limits": "limits",
    "SuperimposeParams": "params",
    "SuperimposeRequest": "params",
    "Superimposed": "pipeline",
    "identify": "decoding.identify",
    "superimpose": "pipeline",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
