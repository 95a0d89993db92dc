"""The model `superimpose-v2`: an overlay placed by its centre, like the ComfyUI node ImageBlendAdvance."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from compositor.geometry import Centred, Scaled
from compositor.models.parameters import MASK_TO_INVERT, BaseImage, Mask, Model, OutputParams, parameter
from compositor.scene import Layer, Scene

NO_REMOVER = "bg_remove_model: no remover is configured; the overlay was used as it is"
"""The warning in the status of a request whose overlay's background could not be removed."""

BlendMode = Literal[
    "normal", "multiply", "screen", "add", "subtract", "difference", "darken", "lighten", "color-burn",
    "color-dodge", "linear-burn", "linear-dodge", "overlay", "soft-light", "hard-light", "vivid-light",
    "pin-light", "linear-light", "hard-mix", "exclusion", "hue", "saturation", "color", "luminosity",
]  # fmt: skip
_SPELLINGS = {"multply": "multiply", "darker": "darken", "lighter": "lighten"}  # in the node

_SAMPLERS = {
    "lanczos": "bicubic",
    "bicubic": "bicubic",
    "hamming": "bilinear",
    "bilinear": "bilinear",
    "box": "nearest",
    "nearest": "nearest",
}
"""The resampling of a rotation by `resize_method`: Pillow offers three for it."""


def _canonical(word: Any) -> Any:
    return _SPELLINGS.get(word, word.replace("_", "-")) if isinstance(word, str) else word


CentrePercent = Annotated[float, Field(ge=-999, le=999)]


class CentredParams(Model):
    """A base, and an overlay placed by its centre."""

    needs = (MASK_TO_INVERT,)

    base_image: BaseImage
    overlay_image: str = Field(
        description="The picture on it: a URL, data: URI or base64.",
        examples=["https://example.com/logo.png"],
    )
    mask: Mask = None
    rescale_factor: float = parameter(1, "Factor on the overlay's sides.", 0.4, gt=0, le=100)
    resize_method: Literal["lanczos", "bicubic", "hamming", "bilinear", "box", "nearest"] = parameter(
        "nearest",
        "Interpolation of the rotation: lanczos and bicubic over 16 pixels, hamming and bilinear over 4, box "
        "and nearest none. Sizes change bicubically.",
        "bicubic",
    )
    mirror: Literal["None", "horizontal", "vertical"] = parameter(
        "None", "Mirror overlay and mask before the rotation.", "horizontal"
    )
    blend_mode: Annotated[BlendMode, BeforeValidator(_canonical)] = parameter(
        "normal", "How colours mix; _ may stand for -.", "screen"
    )
    opacity: float = parameter(100, "100 shows the overlay as it is, 0 not at all.", 90, ge=0, le=100)
    x_percent: CentrePercent = parameter(50, "The overlay's centre in percent of the base's width.", 25)
    y_percent: CentrePercent = parameter(50, "The overlay's centre in percent of the base's height.", 65)
    rotation: float = parameter(
        0, "Degrees counter-clockwise; the overlay's canvas grows.", 12.5, ge=-360, le=360
    )
    bg_remove_model: str = parameter(
        "None",
        "Remove the overlay's background, by a name that the server's remover knows; without a remover, "
        "warnings say so.",
        "Bria",
        min_length=1,
        max_length=64,
    )
    invert_mask: bool = parameter(False, "Black in the mask shows, white hides.", True)

    def layer(self) -> Layer:
        return Layer(
            picture="overlay_image",
            removal=None if self.bg_remove_model == "None" else self.bg_remove_model,
            mask=None if self.mask is None else "mask",
            inverts_mask=self.invert_mask,
            flip=self.mirror.lower(),
            size=Scaled(self.rescale_factor),
            resize_method="bicubic",
            degrees=self.rotation,
            rotate_method=_SAMPLERS[self.resize_method],
            place=Centred((self.x_percent, self.y_percent)),
            opacity=self.opacity / 100,
            blend_mode=self.blend_mode,
        )


class SuperimposeV2Request(OutputParams, CentredParams):
    """The body of a request."""

    def scene(self) -> Scene:
        return Scene("base_image", (self.layer(),), self.output())
