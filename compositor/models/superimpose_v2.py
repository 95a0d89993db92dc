"""The model `superimpose-v2`: an overlay placed by its centre, like the ComfyUI node ImageBlendAdvance."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from compositor.models.parameters import BaseImage, Mask, Model, OutputParams, Values, inversion_without_mask
from compositor.place import Centred
from compositor.scene import Layer, Scene
from compositor.size import Scaled

NO_REMOVER = "bg_remove_model: no remover is configured; the overlay was used as it is"
"""The warning in the status of a request whose overlay's background could not be removed."""

BlendMode = Literal[
    "normal",
    "multiply",
    "screen",
    "add",
    "subtract",
    "difference",
    "darken",
    "lighten",
    "color-burn",
    "color-dodge",
    "linear-burn",
    "linear-dodge",
    "overlay",
    "soft-light",
    "hard-light",
    "vivid-light",
    "pin-light",
    "linear-light",
    "hard-mix",
    "exclusion",
    "hue",
    "saturation",
    "color",
    "luminosity",
]
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

    base_image: BaseImage
    overlay_image: str = Field(
        description="The picture on it: a URL, data: URI or base64.",
        examples=["https://example.com/logo.png"],
    )
    mask: Mask = None
    rescale_factor: float = Field(
        default=1, gt=0, le=100, description="Factor on the overlay's sides.", examples=[0.4]
    )
    resize_method: Literal["lanczos", "bicubic", "hamming", "bilinear", "box", "nearest"] = Field(
        default="nearest",
        description=(
            "Interpolation of the rotation: lanczos and bicubic over 16 pixels, hamming and bilinear "
            "over 4, box and nearest none. Sizes change bicubically."
        ),
        examples=["bicubic"],
    )
    mirror: Literal["None", "horizontal", "vertical"] = Field(
        default="None",
        description="Mirror overlay and mask before the rotation.",
        examples=["horizontal"],
    )
    blend_mode: Annotated[BlendMode, BeforeValidator(_canonical)] = Field(
        default="normal",
        description="How colours mix; _ may stand for -.",
        examples=["screen"],
    )
    opacity: float = Field(
        default=100,
        ge=0,
        le=100,
        description="100 shows the overlay as it is, 0 not at all.",
        examples=[90],
    )
    x_percent: CentrePercent = Field(
        default=50,
        description="The overlay's centre in percent of the base's width.",
        examples=[25],
    )
    y_percent: CentrePercent = Field(
        default=50,
        description="The overlay's centre in percent of the base's height.",
        examples=[65],
    )
    rotation: float = Field(
        default=0,
        ge=-360,
        le=360,
        description="Degrees counter-clockwise; the overlay's canvas grows.",
        examples=[12.5],
    )
    bg_remove_model: str = Field(
        default="None",
        min_length=1,
        max_length=64,
        description=(
            "Remove the overlay's background, by a name that the server's remover knows; without a "
            "remover, warnings say so."
        ),
        examples=["Bria"],
    )
    invert_mask: bool = Field(
        default=False, description="Black in the mask shows, white hides.", examples=[True]
    )

    @classmethod
    def contradictions(cls, given: Values) -> Iterable[str]:
        yield from super().contradictions(given)
        yield from inversion_without_mask(given)

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
