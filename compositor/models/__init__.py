"""The models: their parameters, and the scenes that these describe. Loads no decoder."""

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
"""By the model's name in the URL."""


def with_model(params: Mapping[str, Any], model: str) -> Mapping[str, Any]:
    """Validated parameters of a model, in the form that `read` expects."""
    return params if model == DEFAULT_MODEL else {**params, "model": model}


def read(params: Mapping[str, Any]) -> Model:
    """Parse validated parameters; "model" names their model, unless it is the default one."""
    fields = {name: value for name, value in params.items() if name != "model"}
    return MODELS[params.get("model", DEFAULT_MODEL)](**fields)
