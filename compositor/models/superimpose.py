"""The model `superimpose`: a base, and one overlay or several layers."""

from typing import Annotated

from pydantic import ConfigDict, Field

from compositor.models.layer import LayerParams, OverlayParams
from compositor.models.parameters import MASK_TO_INVERT, BaseImage, Model, OutputParams, parameter
from compositor.scene import Scene


class SceneParams(LayerParams, Model):
    """A base, and one overlay or several layers."""

    conflicts = (*((name, "overlays") for name in LayerParams.model_fields), *LayerParams.conflicts)

    overlays: Annotated[list[OverlayParams], Field(min_length=1, max_length=16)] | None = parameter(
        None,
        "Layers in place of one overlay_image, the last on top, each with an overlay's parameters.",
        [{"color": "#c02030", "blend_mode": "multiply"}, {"overlay_image": "https://example.com/logo.png"}],
    )


class SuperimposeParams(OutputParams, SceneParams):
    """The parameters of scene and output."""

    def scene(self) -> Scene:
        overlays = [each.layer(f"overlays[{index}].") for index, each in enumerate(self.overlays or ())]
        return Scene("base_image", tuple(overlays) or (self.layer(),), self.output())


class SuperimposeRequest(SuperimposeParams):
    """The body of a request: the pictures are required."""

    one_of = ("overlay_image", "color", "overlays")
    needs = (*SuperimposeParams.needs, MASK_TO_INVERT)
    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": [name]} for name in one_of]})

    base_image: BaseImage
    overlay_image: str | None = parameter(
        None, "The picture on it: a URL, data: URI or base64.", "https://example.com/logo.png"
    )
