"""The models: what each one's parameters are, and the scene that they describe. Light: loads no decoder."""

from collections.abc import Mapping
from typing import Any

from compositor.models.parameters import Model
from compositor.models.superimpose import SuperimposeRequest
from compositor.models.superimpose_v2 import SuperimposeV2Request

DEFAULT_MODEL = "superimpose"

MODELS: Mapping[str, type[Model]] = {
    DEFAULT_MODEL: SuperimposeRequest,
    "superimpose-v2": SuperimposeV2Request,
}
"""By the name in the address of their calls."""


def stated(params: Mapping[str, Any], model: str) -> Mapping[str, Any]:
    """Checked parameters of a model, as `read` takes them."""
    return params if model == DEFAULT_MODEL else {**params, "model": model}


def read(params: Mapping[str, Any]) -> Model:
    """Checked parameters, with the name of their model as "model" where it is not the default one."""
    fields = {name: value for name, value in params.items() if name != "model"}
    return MODELS[params.get("model", DEFAULT_MODEL)](**fields)
