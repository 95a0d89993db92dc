"""One overlay on one base in one call."""

from typing import Any

from compositor.file import File
from compositor.models.superimpose import SuperimposeParams
from compositor.rendering import Rendered, render


def superimpose(
    base: bytes | File,
    overlay: bytes | File,
    params: SuperimposeParams,
    mask: bytes | File | None = None,
    **options: Any,
) -> Rendered:
    """Overlay one image file on another; `options` and errors are those of `render`.

    The inputs are named "base_image", "overlay_image" and "mask".
    """
    files = {"base_image": base, "overlay_image": overlay}
    if mask is not None:
        files["mask"] = mask
        params = params.model_copy(update={"mask": "mask"})
    return render(params.scene(), files, **options)
