"""A layer of the model `superimpose`: its parameters, types, defaults and bounds."""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field

from compositor.models.parameters import (
    Color,
    Degrees,
    Mask,
    Offset,
    Parameters,
    Percent,
    Side,
    Spacing,
    Values,
    conflicts,
    inversion_without_mask,
)
from compositor.models.shapes import Corners, Region
from compositor.place import Anchored
from compositor.scene import Displacement, Layer, Sizing, Tiles
from compositor.size import Exactly, Scaled, Share, contained, covering, stretched, unchanged

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

Shift = Annotated[float, Field(ge=-999, le=999)]

_SIZES = ("overlay_resize", "rescale_factor", "width", "height", "scale_to")
_PLACES = ("x_offset", "y_offset", "x_percent", "y_percent")
_CONFLICTS = (
    ("x_percent", "x_offset"),
    ("y_percent", "y_offset"),
    ("scale_to", "overlay_resize"),
    ("scale_to", "rescale_factor"),
    ("tile", "gravity"),
    ("overlay_image", "color"),
    *(("corners", name) for name in (*_SIZES, *_PLACES, "gravity", "rotation", "tile", "region_fit")),
    ("displacement_map", "tile"),
    *(("region", name) for name in (*_SIZES, *_PLACES, "tile")),
    *(("color", name) for name in (*_SIZES, *_PLACES, "gravity", "rotation", "tile", "region_fit")),
)
_NEEDS = (
    ("displacement_x", "displacement_map", "give a map"),
    ("displacement_y", "displacement_map", "give a map"),
    ("tile_spacing", "tile", "set tile to true"),
    ("scale_of", "scale_to", "give scale_to"),
    ("region_fit", "region", "give a region"),
)


class LayerParams(Parameters):
    """The parameters of one layer."""

    overlay_image: str | None = Field(default=None, description="The picture put on it.")
    mask: Mask = None
    rescale_factor: float = Field(
        default=1,
        gt=0,
        le=16,
        description='Factor on the overlay\'s sides, for "Resize by rescale_factor".',
        examples=[0.4],
    )
    overlay_resize: Resize = Field(
        default="Resize by rescale_factor",
        description='How the overlay gets its size; "heigth" is how the hosted model spells it.',
        examples=["Fit"],
    )
    resize_method: Literal["nearest-exact", "bilinear", "area"] = Field(
        default="nearest-exact",
        description="Nearest pixel, linear without antialiasing, or mean of the area.",
        examples=["area"],
    )
    width: Side = Field(
        default=1024,
        description='Pixels, for "Resize to width & heigth".',
        examples=[512],
    )
    height: Side = Field(
        default=1024,
        description='Pixels, for "Resize to width & heigth".',
        examples=[512],
    )
    x_offset: Offset = Field(
        default=0,
        description="Pixels from the base's left edge to that of the rotated overlay.",
        examples=[120],
    )
    y_offset: Offset = Field(
        default=0,
        description="Pixels from the base's top edge to that of the rotated overlay.",
        examples=[80],
    )
    rotation: Degrees = Field(
        default=0,
        description="Degrees counter-clockwise; the overlay's canvas grows.",
        examples=[45],
    )
    opacity: float = Field(
        default=1,
        ge=0,
        le=1,
        description="1 shows the overlay as it is, 0 not at all.",
        examples=[0.8],
    )
    blend_mode: BlendMode = Field(
        default="normal",
        description="How colours mix, as in CSS mix-blend-mode.",
        examples=["multiply"],
    )
    gravity: Gravity = Field(
        default="northwest",
        description=(
            "Corner, edge or centre of the base; offsets push inwards, from the centre right and down."
        ),
        examples=["southeast"],
    )
    x_percent: Percent | None = Field(
        default=None, description="x_offset in percent of the base's width.", examples=[5]
    )
    y_percent: Percent | None = Field(
        default=None, description="y_offset in percent of the base's height.", examples=[5]
    )
    scale_to: float | None = Field(
        default=None,
        gt=0,
        le=16,
        description="The overlay's width as a fraction of the base's, in proportion.",
        examples=[0.25],
    )
    scale_of: Literal["width", "height", "min", "max"] = Field(
        default="width",
        description="The base's side for scale_to; min: the shorter, max: the longer.",
        examples=["min"],
    )
    flip: Literal["none", "horizontal", "vertical", "both"] = Field(
        default="none",
        description="Mirror overlay and mask before the rotation.",
        examples=["horizontal"],
    )
    tile: bool = Field(
        default=False,
        description="Repeat the overlay over the base; the offsets place one tile.",
        examples=[True],
    )
    tile_spacing: Spacing = Field(default=0, description="Pixels between tiles.", examples=[40])
    invert_mask: bool = Field(
        default=False, description="Black in the mask shows, white hides.", examples=[True]
    )
    color: Color | None = Field(
        default=None,
        description="A colour, #rrggbb, in place of an overlay; fills the region or covers the base.",
        examples=["#c02030"],
    )
    region: Region | None = Field(
        default=None,
        description="Where the overlay is fitted into: left, top, width, height in fractions of the base.",
        examples=[[0.31, 0.28, 0.38, 0.42]],
    )
    region_fit: Literal["contain", "cover", "stretch"] = Field(
        default="contain",
        description=(
            "Fit into the region, cover it and be clipped, or stretch; placed by gravity, by default centred."
        ),
        examples=["cover"],
    )

    corners: Corners | None = Field(
        default=None,
        description=(
            "Where the overlay's corners lie, clockwise from the top left, in fractions of base or "
            "region: perspective."
        ),
        examples=[[[0.3, 0.3], [0.7, 0.35], [0.68, 0.7], [0.32, 0.66]]],
    )
    displacement_map: str | None = Field(
        default=None,
        description=(
            "A picture, stretched over base or region, that moves the overlay's pixels: red sideways, "
            "green up and down, 128 not at all."
        ),
        examples=["https://example.com/folds.png"],
    )
    displacement_x: Shift = Field(
        default=0,
        description="Pixels to the right where red is 0, to the left where 255.",
        examples=[8],
    )
    displacement_y: Shift = Field(
        default=0,
        description="Pixels down where green is 0, up where 255.",
        examples=[8],
    )

    @classmethod
    def contradictions(cls, given: Values) -> Iterable[str]:
        yield from conflicts(_CONFLICTS, given)
        if "displacement_map" in given and not {"displacement_x", "displacement_y"} & given.keys():
            yield "displacement_map without displacement_x and displacement_y: give one of these, or both"
        for name, needed, advice in _NEEDS:
            if name in given and needed not in given:
                yield f"{name} without {needed}: {advice} or leave {name} out"

    def layer(self, path: str = "") -> Layer:
        """The layer that these parameters describe; `path` prefixes the names of its pictures."""
        return Layer(
            picture="" if self.color else f"{path}overlay_image",
            colour=self.color,
            mask=f"{path}mask" if self.mask is not None else None,
            inverts_mask=self.invert_mask,
            flip=self.flip,
            size=self._size(),
            resize_method=self.resize_method,
            degrees=self.rotation,
            region=tuple(self.region) if self.region else None,
            is_clipped=self.region is not None and self.region_fit == "cover",
            place=Anchored(self._gravity(), (self.x_offset, self.y_offset), (self.x_percent, self.y_percent)),
            tiles=Tiles(self.tile_spacing) if self.tile else None,
            corners=tuple((x, y) for x, y in self.corners) if self.corners else None,
            displacement=self._displacement(path),
            opacity=self.opacity,
            blend_mode=self.blend_mode,
        )

    def _displacement(self, path: str) -> Displacement | None:
        if self.displacement_map is None:
            return None
        return Displacement(f"{path}displacement_map", self.displacement_x, self.displacement_y)

    def _size(self) -> Sizing:
        if self.color is not None:
            return stretched
        if self.region is not None:
            return {"contain": contained, "cover": covering, "stretch": stretched}[self.region_fit]
        if self.scale_to is not None:
            return Share(self.scale_to, self.scale_of)
        match self.overlay_resize:
            case "None":
                return unchanged
            case "Fit":
                return contained
            case "Resize by rescale_factor":
                return Scaled(self.rescale_factor)
            case _:
                return Exactly((self.width, self.height))

    def _gravity(self) -> Gravity:
        is_centred = self.region is not None and "gravity" not in self.model_fields_set
        return "center" if is_centred else self.gravity


class OverlayParams(LayerParams):
    """One of several layers: it names its picture, or is a colour."""

    @classmethod
    def missing(cls, given: Values) -> Iterable[str]:
        return missing_overlay(given)

    @classmethod
    def contradictions(cls, given: Values) -> Iterable[str]:
        yield from super().contradictions(given)
        yield from inversion_without_mask(given)


def missing_overlay(given: Values) -> Iterable[str]:
    return () if "overlay_image" in given or "color" in given else ("overlay_image",)
