"""The picture that a command line describes: one layer by options, or a scene by a file."""

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
from compositor.models.parameters import AnswerParams, Model
from compositor.models.superimpose import SuperimposeParams, SuperimposeRequest

UNSENT = "?"
"""Stands for a picture of the command line among the parameters."""


@dataclass(frozen=True)
class Described:
    """Checked parameters of a model, and the pictures that they name, by their paths.

    `lacking`: parameters that only stand for some that are given elsewhere.
    """

    model: str
    params: Model
    inputs: Mapping[str, Input]
    lacking: Set[str] = frozenset()

    @property
    def parameters(self) -> dict[str, Any]:
        """As a request has them."""
        return self.params.model_dump(exclude_unset=True, exclude_none=True, exclude={*self.lacking})


def described(
    file: Path | None,
    pictures: Mapping[str, Input | None],
    parameters: Mapping[str, Any],
    is_whole: bool = True,
) -> Described:
    """What a scene file describes, answered as `parameters` say; without one, what these do.

    `pictures` are by parameter. Unless it is the whole request, base and overlay may lack.
    Raises `typer.BadParameter`.
    """
    inputs = {name: picture for name, picture in pictures.items() if picture}
    given = {name: value for name, value in parameters.items() if value is not None}
    if file:
        return _in_file(file, inputs, given, is_whole)
    if is_whole and not {"base_image", "overlay_image"} <= inputs.keys():
        raise typer.BadParameter("give a base and an overlay, or --scene")
    model: type[Model] = SuperimposeRequest if is_whole else SuperimposeParams
    return Described(DEFAULT_MODEL, checked(given | dict.fromkeys(inputs, UNSENT), model), inputs)


def _in_file(file: Path, inputs: Mapping[str, Input], given: Mapping[str, Any], is_whole: bool) -> Described:
    from api.errors import ApiError
    from api.http.body import validate_body as checked_body
    from jobs.pictures.inputs import pictures

    for name in (*inputs, *given):
        if name != "base_image" and name not in AnswerParams.model_fields:
            what = "an overlay" if name == "overlay_image" else option(name)
            raise typer.BadParameter(f"{what} and --scene contradict each other: say it in {file}")
    body = {**_read(file), **given, **dict.fromkeys(inputs, UNSENT)}
    body.pop("base64", None)  # about the wire
    model = body.pop("model", DEFAULT_MODEL)
    if model not in list(MODELS):
        raise _fault(file, f"model: {model!r} is not allowed: must be one of {', '.join(MODELS)}")
    lacking = frozenset() if is_whole else _lacking(body)
    body |= dict.fromkeys(lacking, UNSENT)
    if "base_image" not in body:
        raise _fault(file, "base_image: is required, or a base on the command line")
    try:
        params = checked_body(json.dumps(body).encode(), MODELS[model])
    except ApiError as error:
        raise _fault(file, str(error)) from None
    found, faults = {**inputs}, []
    for path, text in pictures(params.model_dump(exclude_unset=True, exclude={*lacking})).items():
        try:
            found[path] = inputs.get(path) or Input.parse(text, "--scene", file.parent)
        except typer.BadParameter as error:
            faults.append(f"{path}: {error.message}")
    if faults:
        raise _fault(file, "; ".join(faults))
    return Described(model, params, found, lacking)


def _lacking(body: Mapping[str, Any]) -> frozenset[str]:
    """What makes a whole request of it."""
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
