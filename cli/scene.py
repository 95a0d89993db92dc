"""Reads the picture to render from the command line: one layer from options, or a scene from a file."""

import json
from codecs import BOM_UTF8
from collections.abc import Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from pydantic_core import from_json

from cli.client.inputs import Input
from cli.parameters import checked, option
from compositor.models import DEFAULT_MODEL, MODELS
from compositor.models.parameters import Model, OutputParams
from compositor.models.superimpose import SuperimposeParams, SuperimposeRequest

PLACEHOLDER = "?"
"""Replaces a picture of the command line when the parameters are validated."""


@dataclass(frozen=True)
class Description:
    """Validated parameters of a model, and their pictures by parameter path.

    `placeholders` are inputs that each row of a manifest provides itself.
    """

    model: str
    params: Model
    inputs: Mapping[str, Input]
    placeholders: Set[str] = frozenset()

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters as in a request body."""
        return self.params.model_dump(exclude_unset=True, exclude_none=True, exclude={*self.placeholders})


def describe(
    file: Path | None,
    inputs: Mapping[str, Input],
    parameters: Mapping[str, Any],
    is_whole: bool = True,
) -> Description:
    """The scene in `file` with the output options of `parameters`, or without a file one layer.

    Unless `is_whole`, base and overlay may be missing.
    """
    given = {name: value for name, value in parameters.items() if value is not None}
    if file:
        return _describe_file(file, inputs, given, is_whole)
    if is_whole and not {"base_image", "overlay_image"} <= inputs.keys():
        raise typer.BadParameter("give a base and an overlay, or --scene")
    model = SuperimposeRequest if is_whole else SuperimposeParams
    return Description(DEFAULT_MODEL, checked(given | dict.fromkeys(inputs, PLACEHOLDER), model), inputs)


def _describe_file(
    file: Path, inputs: Mapping[str, Input], given: Mapping[str, Any], is_whole: bool
) -> Description:
    from api.errors import ApiError
    from api.http.validation import validate_body as checked_body
    from jobs.pictures.inputs import pictures

    for name in (*inputs, *given):
        if name != "base_image" and name not in OutputParams.model_fields:
            source = "an overlay" if name == "overlay_image" else option(name)
            raise typer.BadParameter(f"{source} and --scene contradict each other: put it into {file}")
    body = {**_read(file), **given, **dict.fromkeys(inputs, PLACEHOLDER)}
    body.pop("base64", None)  # concerns the API's response, not the picture
    model = body.pop("model", DEFAULT_MODEL)
    if model not in list(MODELS):
        raise _fault(file, f"model: {model!r} is not allowed: must be one of {', '.join(MODELS)}")
    placeholders = frozenset() if is_whole else _missing_inputs(body)
    body |= dict.fromkeys(placeholders, PLACEHOLDER)
    if "base_image" not in body:
        raise _fault(file, "base_image: is required, or a base on the command line")
    try:
        params = checked_body(json.dumps(body).encode(), MODELS[model])
    except ApiError as error:
        raise _fault(file, str(error)) from None
    found, faults = {**inputs}, []
    for path, text in pictures(params.model_dump(exclude_unset=True, exclude={*placeholders})).items():
        try:
            found[path] = inputs.get(path) or Input.parse(text, "--scene", file.parent)
        except typer.BadParameter as error:
            faults.append(f"{path}: {error.message}")
    if faults:
        raise _fault(file, "; ".join(faults))
    return Description(model, params, found, placeholders)


def _missing_inputs(body: Mapping[str, Any]) -> frozenset[str]:
    """Inputs that have to be added to make `body` a valid request."""
    has_overlay = not {"overlay_image", "color", "overlays"}.isdisjoint(body)
    return frozenset({"base_image"} | (set() if has_overlay else {"overlay_image"})) - body.keys()


def _read(file: Path) -> dict[str, Any]:
    try:
        body = from_json(file.read_bytes().removeprefix(BOM_UTF8))
    except ValueError as error:
        raise _fault(file, f"must be one JSON object: {error}") from None
    if not isinstance(body, dict):
        raise _fault(file, "must be one JSON object")
    return body


def _fault(file: Path, text: str) -> typer.BadParameter:
    return typer.BadParameter(f"{file}: {text}", param_hint="--scene")
