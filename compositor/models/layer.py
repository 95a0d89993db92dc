"""A layer of the model `superimpose`: its parameters, types, defaults and bounds."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from compositor.geometry import UNSCALED, Anchored, Exactly, Scaled, Share, contained, covering, stretched
from compositor.models.parameters import (
    MASK_TO_INVERT,
    Color,
    Corners,
    Degrees,
    Mask,
    Need,
    Offset,
    Parameters,
    Percent,
    Region,
    Side,
    Spacing,
    parameter,
)
from compositor.scene import Displacement, Layer, Sizing

Resize = Literal["None", "Fit", "Resize by rescale_factor", "Resize to width & heigth"]
Gravity = Literal[
    "northwest", "north", "northeast", "west", "center", "east", "southwest", "south", "southeast"
]
BlendMode = Literal[
    "normal", "multiply", "screen", "overlay", "darken", "lighten", "color-dodge", "color-burn", "hard-light",
    "soft-light", "difference", "exclusion", "hue", "saturation", "color", "luminosity",
]  # fmt: skip
Shift = Annotated[float, Field(ge=-999, le=999)]

_SIZES = ("overlay_resize", "rescale_factor", "width", "height", "scale_to")
_PLACES = ("x_offset", "y_offset", "x_percent", "y_percent")
_PLACEMENT = (*_SIZES, *_PLACES, "gravity", "rotation", "tile", "region_fit")


class LayerParams(Parameters):
    """The parameters of one layer."""

    conflicts = (
        ("x_percent", "x_offset"),
        ("y_percent", "y_offset"),
        ("scale_to", "overlay_resize"),
        ("scale_to", "rescale_factor"),
        ("tile", "gravity"),
        ("overlay_image", "color"),
        *(("corners", name) for name in _PLACEMENT),
        ("displacement_map", "tile"),
        *(("region", name) for name in (*_SIZES, *_PLACES, "tile")),
        *(("color", name) for name in _PLACEMENT),
    )
    needs: ClassVar[tuple[Need, ...]] = (
        ("displacement_map", ("displacement_x", "displacement_y"), "give one of these, or both"),
        ("displacement_x", ("displacement_map",), "give a map or leave displacement_x out"),
        ("displacement_y", ("displacement_map",), "give a map or leave displacement_y out"),
        ("tile_spacing", ("tile",), "set tile to true or leave tile_spacing out"),
        ("scale_of", ("scale_to",), "give scale_to or leave scale_of out"),
        ("region_fit", ("region",), "give a region or leave region_fit out"),
    )

    overlay_image: str | None = Field(default=None, description="The picture put on it.")
    mask: Mask = None
    rescale_factor: float = parameter(
        1, 'Factor on the overlay\'s sides, for "Resize by rescale_factor".', 0.4, gt=0, le=16
    )
    overlay_resize: Resize = parameter(
        "Resize by rescale_factor",
        'How the overlay gets its size; "heigth" is how the hosted model spells it.',
        "Fit",
    )
    resize_method: Literal["nearest-exact", "bilinear", "area"] = parameter(
        "nearest-exact", "Nearest pixel, linear without antialiasing, or mean of the area.", "area"
    )
    width: Side = parameter(1024, 'Pixels, for "Resize to width & heigth".', 512)
    height: Side = parameter(1024, 'Pixels, for "Resize to width & heigth".', 512)
    x_offset: Offset = parameter(0, "Pixels from the base's left edge to that of the rotated overlay.", 120)
    y_offset: Offset = parameter(0, "Pixels from the base's top edge to that of the rotated overlay.", 80)
    rotation: Degrees = parameter(0, "Degrees counter-clockwise; the overlay's canvas grows.", 45)
    opacity: float = parameter(1, "1 shows the overlay as it is, 0 not at all.", 0.8, ge=0, le=1)
    blend_mode: BlendMode = parameter("normal", "How colours mix, as in CSS mix-blend-mode.", "multiply")
    gravity: Gravity = parameter(
        "northwest",
        "Corner, edge or centre of the base; offsets push inwards, from the centre right and down.",
        "southeast",
    )
    x_percent: Percent | None = parameter(None, "x_offset in percent of the base's width.", 5)
    y_percent: Percent | None = parameter(None, "y_offset in percent of the base's height.", 5)
    scale_to: float | None = parameter(
        None, "The overlay's width as a fraction of the base's, in proportion.", 0.25, gt=0, le=16
    )
    scale_of: Literal["width", "height", "min", "max"] = parameter(
        "width", "The base's side for scale_to; min: the shorter, max: the longer.", "min"
    )
    flip: Literal["none", "horizontal", "vertical", "both"] = parameter(
        "none", "Mirror overlay and mask before the rotation.", "horizontal"
    )
    tile: bool = parameter(False, "Repeat the overlay over the base; the offsets place one tile.", True)
    tile_spacing: Spacing = parameter(0, "Pixels between tiles.", 40)
    invert_mask: bool = parameter(False, "Black in the mask shows, white hides.", True)
    color: Color | None = parameter(
        None, "A colour, #rrggbb, in place of an overlay; fills the region or covers the base.", "#c02030"
    )
    region: Region | None = parameter(
        None,
        "Where the overlay is fitted into: left, top, width, height in fractions of the base.",
        [0.31, 0.28, 0.38, 0.42],
    )
    region_fit: Literal["contain", "cover", "stretch"] = parameter(
        "contain",
        "Fit into the region, cover it and be clipped, or stretch; placed by gravity, by default centred.",
        "cover",
    )
    corners: Corners | None = parameter(
        None,
        "Where the overlay's corners lie, clockwise from the top left, in fractions of base or region: "
        "perspective.",
        [[0.3, 0.3], [0.7, 0.35], [0.68, 0.7], [0.32, 0.66]],
    )
    displacement_map: str | None = parameter(
        None,
        "A picture, stretched over base or region, that moves the overlay's pixels: red sideways, green up "
        "and down, 128 not at all.",
        "https://example.com/folds.png",
    )
    displacement_x: Shift = parameter(0, "Pixels to the right where red is 0, to the left where 255.", 8)
    displacement_y: Shift = parameter(0, "Pixels down where green is 0, up where 255.", 8)

    def layer(self, path: str = "") -> Layer:
        """The layer that these parameters describe; `path` prefixes the names of its pictures."""
        displacement = None
        if self.displacement_map is not None:
            displacement = Displacement(f"{path}displacement_map", self.displacement_x, self.displacement_y)
        is_centred = self.region is not None and "gravity" not in self.model_fields_set
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
            place=Anchored(
                "center" if is_centred else self.gravity,
                (self.x_offset, self.y_offset),
                (self.x_percent, self.y_percent),
            ),
            tile_spacing=self.tile_spacing if self.tile else None,
            corners=tuple((x, y) for x, y in self.corners) if self.corners else None,
            displacement=displacement,
            opacity=self.opacity,
            blend_mode=self.blend_mode,
        )

    def _size(self) -> Sizing:
        if self.color is not None:
            return stretched
        if self.region is not None:
            return {"contain": contained, "cover": covering, "stretch": stretched}[self.region_fit]
        if self.scale_to is not None:
            return Share(self.scale_to, self.scale_of)
        match self.overlay_resize:
            case "None":
                return UNSCALED
            case "Fit":
                return contained
            case "Resize by rescale_factor":
                return Scaled(self.rescale_factor)
            case _:
                return Exactly((self.width, self.height))


class OverlayParams(LayerParams):
    """One of several layers: it names its picture, or is a colour."""

    one_of = ("overlay_image", "color")
    needs = (*LayerParams.needs, MASK_TO_INVERT)
