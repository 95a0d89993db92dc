"""The parameters of one superimposition: names, types, defaults, bounds. Light: loads no decoder."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

MAX_SIDE = 16_384
MAX_OFFSET = 1_000_000

Resize = Literal["None", "Fit", "Resize by rescale_factor", "Resize to width & heigth"]
Gravity = Literal[
    "northwest", "north", "northeast", "west", "center", "east", "southwest", "south", "southeast"
]
BlendMode = Literal[
    "normal",
    "multiply",
    "screen",
    "overlay",
    "darken",
    "lighten",
    "color-dodge",
    "color-burn",
    "hard-light",
    "soft-light",
    "difference",
    "exclusion",
    "hue",
    "saturation",
    "color",
    "luminosity",
]


def _whole(value: Any) -> Any:
    """JSON has one kind of number: 5.0 is the integer 5."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


# The bounds stand before the validator, or they would not show as minimum and maximum in the schema.
Side = Annotated[int, Field(ge=1, le=MAX_SIDE), BeforeValidator(_whole)]
Spacing = Annotated[int, Field(ge=0, le=MAX_SIDE), BeforeValidator(_whole)]
Offset = Annotated[int, Field(ge=-MAX_OFFSET, le=MAX_OFFSET), BeforeValidator(_whole)]
Degrees = Annotated[int, Field(ge=0, le=360), BeforeValidator(_whole)]
Quality = Annotated[int, Field(ge=1, le=100), BeforeValidator(_whole)]
Percent = Annotated[float, Field(ge=-1000, le=1000)]


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
    overlay_resize: Resize = Field(
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
    width: Side = Field(
        default=1024,
        description='Width of the overlay in pixels, used by "Resize to width & heigth".',
        examples=[512],
    )
    height: Side = Field(
        default=1024,
        description='Height of the overlay in pixels, used by "Resize to width & heigth".',
        examples=[512],
    )
    x_offset: Offset = Field(
        default=0,
        description="Pixels from the base's left edge to that of the resized, rotated overlay; may be < 0.",
        examples=[120],
    )
    y_offset: Offset = Field(
        default=0,
        description="Pixels from the base's top edge to that of the resized, rotated overlay; may be < 0.",
        examples=[80],
    )
    rotation: Degrees = Field(
        default=0,
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
        description="Format of the answer. jpeg has no transparency: it is flattened on background.",
        examples=["png"],
    )
    image_quality: Quality = Field(
        default=95, description="Quality of a jpeg, webp or avif answer.", examples=[90]
    )
    blend_mode: BlendMode = Field(
        default="normal",
        description="How the colours mix where the overlay covers the base, as in CSS mix-blend-mode.",
        examples=["multiply"],
    )
    gravity: Gravity = Field(
        default="northwest",
        description=(
            "The corner, edge or centre of the base that the overlay is put at; the offsets push it inwards "
            "from there, and from the centre to the right and down."
        ),
        examples=["southeast"],
    )
    x_percent: Percent | None = Field(
        default=None, description="x_offset as a percentage of the base's width.", examples=[5]
    )
    y_percent: Percent | None = Field(
        default=None, description="y_offset as a percentage of the base's height.", examples=[5]
    )
    scale_to: float | None = Field(
        default=None,
        gt=0,
        le=16,
        description="Width of the overlay as a fraction of the base's width; its proportions are kept.",
        examples=[0.25],
    )
    flip: Literal["none", "horizontal", "vertical", "both"] = Field(
        default="none",
        description="Mirror the overlay, with its mask, before it is rotated.",
        examples=["horizontal"],
    )
    tile: bool = Field(
        default=False,
        description="Repeat the overlay over the whole base; the offsets say where one of the tiles stands.",
        examples=[True],
    )
    tile_spacing: Spacing = Field(
        default=0, description="Pixels between two tiles, both ways.", examples=[40]
    )
    invert_mask: bool = Field(
        default=False, description="Read the mask the other way: black shows, white hides.", examples=[True]
    )
    background: str | None = Field(
        default=None,
        pattern=r"^#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})$",
        description="Colour under a transparent base, #rgb or #rrggbb. Default: white for jpeg, else none.",
        examples=["#ffffff"],
    )
    keep_copyright: bool = Field(
        default=False,
        description="Copy the base's EXIF artist and copyright into the answer, and nothing else of it.",
        examples=[True],
    )

    keep_icc_profile: bool = Field(
        default=False,
        description="Stay in the base's own RGB colour space and carry its ICC profile. Default: sRGB.",
        examples=[True],
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

    @model_validator(mode="after")
    def _no_contradiction(self) -> Self:
        given = self._given()
        faults = [
            f"{one} and {other} contradict each other: give one of them"
            for one, other in self._rivals()
            if one in given and other in given
        ]
        if self.tile_spacing and not self.tile:
            faults.append("tile_spacing without tile: set tile to true or leave tile_spacing out")
        if faults:
            raise ValueError("; ".join(faults))
        return self

    @staticmethod
    def _rivals() -> tuple[tuple[str, str], ...]:
        return (
            ("x_percent", "x_offset"),
            ("y_percent", "y_offset"),
            ("scale_to", "overlay_resize"),
            ("scale_to", "rescale_factor"),
            ("tile", "gravity"),
        )

    def _given(self) -> set[str]:
        """Names of the parameters that differ from their defaults."""
        known = type(self).model_fields
        return {name for name in self.model_fields_set if getattr(self, name) != known[name].default}


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

    @model_validator(mode="after")
    def _inverts_some_mask(self) -> Self:
        if self.invert_mask and self.mask is None:
            raise ValueError("invert_mask without mask: give a mask or leave invert_mask out")
        return self
