"""The compositor's parameters as command-line options, made from the model so that there is one list."""

import inspect
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal, get_args, get_origin

import typer
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from compositor import SuperimposeParams
from jobs.validation import rule

NOT_OPTIONS = frozenset({"base_image", "overlay_image", "mask", "base64"})


def with_parameters(command: Callable[..., None]) -> Callable[..., None]:
    """Give `command`, which takes them as `**parameters`, one option for each parameter."""
    own = [
        parameter
        for parameter in inspect.signature(command).parameters.values()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    options = [
        _option(name, field)
        for name, field in SuperimposeParams.model_fields.items()
        if name not in NOT_OPTIONS
    ]
    command.__signature__ = inspect.Signature([*own, *options])  # type: ignore[attr-defined]
    command.__annotations__ = {each.name: each.annotation for each in [*own, *options]}
    return command


def checked(
    parameters: dict[str, Any], model: type[SuperimposeParams] = SuperimposeParams
) -> SuperimposeParams:
    """The parameters given, checked by the model. Raises `typer.BadParameter`."""
    given = {name: value for name, value in parameters.items() if value is not None}
    try:
        return model(**given)
    except ValidationError as error:
        first = error.errors()[0]
        if not first["loc"]:
            raise typer.BadParameter(rule(first)) from None
        option = f"--{str(first['loc'][0]).replace('_', '-')}"
        raise typer.BadParameter(
            f"{first['input']!r} is not allowed: {rule(first)}", param_hint=option
        ) from None


def _option(name: str, field: FieldInfo) -> inspect.Parameter:
    option = typer.Option(help=f"{field.description} [default: {field.default}]", show_default=False)
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[_option_type(field.annotation) | None, option],
    )


def _option_type(annotation: Any) -> Any:
    """The part of a field's type that a command line can read: a choice, else a plain type."""
    leaves = list(_leaves(annotation))
    choice = next((leaf for leaf in leaves if get_origin(leaf) is Literal), None)
    return choice or next(kind for kind in (bool, int, float, str) if kind in leaves)


def _leaves(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) is Literal or not get_args(annotation):
        yield annotation
    else:
        for argument in get_args(annotation):
            yield from _leaves(argument)
