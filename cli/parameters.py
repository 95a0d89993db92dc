"""The command-line options of a picture; those of its parameters are generated from the model."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import typer
from pydantic import PlainValidator, ValidationError
from pydantic.fields import FieldInfo

from compositor import SuperimposeParams
from jobs.config.validation import rule

FILE: Any = {"exists": True, "dir_okay": False, "metavar": "FILE"}
SceneOption = Annotated[
    Path | None,
    typer.Option(
        **FILE, help="A request as JSON, with files for pictures, instead of an overlay and its options."
    ),
]
DISPLACEMENT_HELP = "Its red moves the overlay's pixels by --displacement-x, its green by --displacement-y."

PICTURES = {"base_image", "overlay_image", "mask", "displacement_map"}
NOT_OPTIONS = PICTURES | {"base64", "color", "overlays"}
PANELS: Mapping[str, tuple[str, ...]] = {
    "Size": ("overlay_resize", "rescale_factor", "scale_to", "scale_of", "width", "height", "resize_method"),
    "Place": (
        *("gravity", "x_offset", "y_offset", "x_percent", "y_percent"),
        *("region", "region_fit", "tile", "tile_spacing"),
    ),
    "Rotation and mirroring": ("rotation", "flip"),
    "Warping": ("corners", "displacement_x", "displacement_y"),
    "Blending": ("opacity", "blend_mode", "invert_mask"),
    "Output": (
        *("image_format", "image_quality", "animation"),
        *("background", "keep_copyright", "keep_icc_profile"),
    ),
}
"""Which parameters `--help` groups, in this order; the others get a panel of their own."""


def _number_or_word(text: str) -> int | str:
    return int(text) if text.isascii() and text.isdecimal() else text


def _numbers(text: str) -> list[float]:
    try:
        return [float(number) for number in text.split(",")]
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not allowed: must be numbers with commas between") from None


def _points(text: str) -> list[list[float]]:
    return [_numbers(point) for point in text.split()]


WRITTEN: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "image_quality": ("N|keep", _number_or_word),
    "region": ("X,Y,W,H", _numbers),
    "corners": ('"X,Y ..."', _points),
}
"""Parameters with a notation of their own: metavar and parser."""
KINDS: Mapping[type, str] = {bool: "", int: "N", float: "NUMBER", str: "TEXT"}
BOUNDS = {"gt": "above {}", "ge": "{}", "lt": "to below {}", "le": "to {}"}


def with_parameters(command: Callable[..., None]) -> Callable[..., None]:
    """Add an option for each parameter to `command`, which receives them as `**parameters`."""
    own = [
        parameter
        for parameter in inspect.signature(command).parameters.values()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    fields = SuperimposeParams.model_fields
    grouped = {name: panel for panel, names in PANELS.items() for name in names}
    others = {name: "Other parameters" for name in fields if name not in grouped and name not in NOT_OPTIONS}
    options = [_option(name, fields[name], panel) for name, panel in (grouped | others).items()]
    command.__signature__ = inspect.Signature([*own, *options])  # type: ignore[attr-defined]
    command.__annotations__ = {each.name: each.annotation for each in [*own, *options]}
    return command


def checked(parameters: dict[str, Any], model: type[SuperimposeParams]) -> SuperimposeParams:
    """The parameters as a model. Raises `typer.BadParameter`."""
    try:
        return model(**parameters)
    except ValidationError as error:
        first = error.errors()[0]
        if not first["loc"]:
            raise typer.BadParameter(rule(first)) from None
        raise typer.BadParameter(
            f"{first['input']!r} is not allowed: {rule(first)}", param_hint=option(str(first["loc"][0]))
        ) from None


def option(parameter: str) -> str:
    return f"--{parameter.replace('_', '-')}"


def _option(name: str, field: FieldInfo, panel: str) -> inspect.Parameter:
    metavar, read = WRITTEN.get(name, ("", None))
    kind = str if read else _option_type(field.annotation)
    described = typer.Option(
        option(name),  # alone, without typer's --no-...: a default needs no option
        parser=read,
        metavar=metavar or ("WORD" if get_origin(kind) is Literal else KINDS[kind]),
        help=f"{field.description}{_allowed(kind, field)}",
        show_default=False,
        rich_help_panel=panel,
    )
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, described]
    )


def _allowed(kind: Any, field: FieldInfo) -> str:
    """Allowed values and default of an option, for its help; empty for a flag."""
    if kind is bool:
        return ""
    written = (each.json_schema_input_type for each in field.metadata if isinstance(each, PlainValidator))
    leaves = chain.from_iterable(map(_leaves, [field.annotation, *written]))
    inner = (leaf.metadata for leaf in leaves if isinstance(leaf, FieldInfo))
    rules = [*field.metadata, *chain.from_iterable(inner)]
    limits = {name: getattr(each, name) for each in rules for name in BOUNDS if hasattr(each, name)}
    words = ", ".join(get_args(kind)) if get_origin(kind) is Literal else ""
    allowed = words or " ".join(BOUNDS[name].format(f"{limits[name]:,}") for name in BOUNDS if name in limits)
    default = "" if field.default is None else f"default: {field.default}"
    text = "; ".join(filter(None, (allowed, default)))
    return rf" \[{text}]" if text else ""  # rich would read unescaped brackets as a style


def _option_type(annotation: Any) -> Any:
    """The part of a field's type that typer can parse: a Literal, else a plain type."""
    leaves = list(_leaves(annotation))
    choice = next((leaf for leaf in leaves if get_origin(leaf) is Literal), None)
    return choice or next(kind for kind in (bool, int, float, str) if kind in leaves)


def _leaves(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) is Literal or not get_args(annotation):
        yield annotation
    else:
        for argument in get_args(annotation):
            yield from _leaves(argument)
