"""The model `superimpose`: a base, and one overlay or several layers."""

from collections.abc import Iterable

from pydantic import ConfigDict, Field

from compositor.models.layer import LayerParams, OverlayParams, missing_overlay
from compositor.models.parameters import (
    BaseImage,
    Model,
    OutputParams,
    Values,
    conflicts,
    inversion_without_mask,
)
from compositor.scene import Layer, Scene

MOST_LAYERS = 16


class SceneParams(LayerParams, Model):
    """A base, and one overlay or several layers."""

    overlays: list[OverlayParams] | None = Field(
        default=None,
        min_length=1,
        max_length=MOST_LAYERS,
        description=(
            "Layers in place of one overlay_image, the last on top, each with an overlay's parameters."
        ),
        examples=[
            [
                {"color": "#c02030", "blend_mode": "multiply"},
                {"overlay_image": "https://example.com/logo.png"},
            ]
        ],
    )

    @classmethod
    def contradictions(cls, given: Values) -> Iterable[str]:
        yield from conflicts(((name, "overlays") for name in LayerParams.model_fields), given)
        yield from super().contradictions(given)

    def layers(self) -> tuple[Layer, ...]:
        overlays = self.overlays or ()
        return tuple(each.layer(f"overlays[{index}].") for index, each in enumerate(overlays)) or (
            self.layer(),
        )


class SuperimposeParams(OutputParams, SceneParams):
    """The parameters of scene and output."""

    def scene(self) -> Scene:
        return Scene("base_image", self.layers(), self.output())


class SuperimposeRequest(SuperimposeParams):
    """The body of a request: the pictures are required."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": [name]} for name in ("overlay_image", "color", "overlays")]}
    )

    base_image: BaseImage
    overlay_image: str | None = Field(
        default=None,
        description="The picture on it: a URL, data: URI or base64.",
        examples=["https://example.com/logo.png"],
    )

    @classmethod
    def missing(cls, given: Values) -> Iterable[str]:
        return () if "overlays" in given else missing_overlay(given)

    @classmethod
    def contradictions(cls, given: Values) -> Iterable[str]:
        yield from super().contradictions(given)
        yield from inversion_without_mask(given)
