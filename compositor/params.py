"""The parameters of one superimposition: names, types, defaults, bounds. Light: loads no decoder."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

MAX_SIDE = 16_384
MAX_OFFSET = 1_000_000


def _whole(value: Any) -> Any:
    """JSON has one kind of number: 5.0 is the integer 5."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = Annotated[int, BeforeValidator(_whole)]


class SuperimposeParams(BaseModel):
    """What to do with the overlay, and how to answer. `null` for a parameter means its default."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    base_image: str | None = Field(default=None, description="The picture below.")
    overlay_image: str | None = Field(default=None, description="The picture put on it.")
    mask: str | None = Field(
        default=None,
        description=(
            "Which parts of the overlay show: white shows, black hides. It is stretched to the overlay's "
            "size. An http(s) URL, a data: URI, or plain base64 of an image file."
        ),
        examples=["https://example.com/mask.png"],
    )
    base64: bool = Field(
        default=False,
        description="Answer with the picture itself as base64 instead of its URL.",
        examples=[False],
    )
    rescale_factor: float = Field(
        default=1,
        gt=0,
        le=16,
        description='Factor on the overlay\'s sides, used by "Resize by rescale_factor".',
        examples=[0.4],
    )
    overlay_resize: Literal["None", "Fit", "Resize by rescale_factor", "Resize to width & heigth"] = Field(
        default="Resize by rescale_factor",
        description=(
            'How the overlay gets its size: as it is ("None"), as large as fits inside the base ("Fit"), by '
            'rescale_factor, or to width and height (spelled "heigth", as in the public API).'
        ),
        examples=["Fit"],
    )
    resize_method: Literal["nearest-exact", "bilinear", "area"] = Field(
        default="nearest-exact",
        description="Nearest pixel, linear interpolation without antialiasing, or the mean of the area.",
        examples=["area"],
    )
    width: Whole = Field(
        default=1024,
        ge=1,
        le=MAX_SIDE,
        description='Width of the overlay in pixels, used by "Resize to width & heigth".',
        examples=[512],
    )
    height: Whole = Field(
        default=1024,
        ge=1,
        le=MAX_SIDE,
        description='Height of the overlay in pixels, used by "Resize to width & heigth".',
        examples=[512],
    )
    x_offset: Whole = Field(
        default=0,
        ge=-MAX_OFFSET,
        le=MAX_OFFSET,
        description="Pixels from the base's left edge to that of the resized, rotated overlay; may be < 0.",
        examples=[120],
    )
    y_offset: Whole = Field(
        default=0,
        ge=-MAX_OFFSET,
        le=MAX_OFFSET,
        description="Pixels from the base's top edge to that of the resized, rotated overlay; may be < 0.",
        examples=[80],
    )
    rotation: Whole = Field(
        default=0,
        ge=0,
        le=360,
        description="Degrees by which the overlay is turned counter-clockwise; its canvas grows to hold it.",
        examples=[45],
    )
    opacity: float = Field(
        default=1,
        ge=0,
        le=1,
        description="1 shows the overlay as it is, 0 nothing of it.",
        examples=[0.8],
    )
    image_format: Literal["jpeg", "png", "webp", "avif"] = Field(
        default="jpeg",
        description="Format of the answer. jpeg has no transparency: it is flattened on white.",
        examples=["png"],
    )
    image_quality: Whole = Field(
        default=95,
        ge=1,
        le=100,
        description="Quality of a jpeg, webp or avif answer.",
        examples=[90],
    )

    @model_validator(mode="before")
    @classmethod
    def _null_means_default(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        fields = cls.model_fields
        return {
            name: value
            for name, value in values.items()
            if value is not None or name not in fields or fields[name].is_required()
        }


class SuperimposeRequest(SuperimposeParams):
    """The parameters as they come over the wire: both pictures must be named."""

    base_image: str = Field(
        description="The picture below: an http(s) URL, a data: URI, or plain base64 of an image file.",
        examples=["https://example.com/shirt.jpg"],
    )
    overlay_image: str = Field(
        description="The picture put on it: an http(s) URL, a data: URI, or plain base64 of an image file.",
        examples=["https://example.com/logo.png"],
    )
