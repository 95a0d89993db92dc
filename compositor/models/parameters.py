"""The validation and the field types that all models share."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic.functional_validators import ModelWrapValidatorHandler
from pydantic_core import InitErrorDetails

from compositor.scene import Output, Scene

MAX_SIDE = 16_384
MAX_OFFSET = 1_000_000


def _whole(value: Any) -> Any:
    """JSON does not distinguish 5.0 from 5."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


# The bounds precede the validator, otherwise the schema lacks minimum and maximum.
Side = Annotated[int, Field(ge=1, le=MAX_SIDE), BeforeValidator(_whole)]
Spacing = Annotated[int, Field(ge=0, le=MAX_SIDE), BeforeValidator(_whole)]
Offset = Annotated[int, Field(ge=-MAX_OFFSET, le=MAX_OFFSET), BeforeValidator(_whole)]
Degrees = Annotated[int, Field(ge=0, le=360), BeforeValidator(_whole)]
Percent = Annotated[float, Field(ge=-1000, le=1000)]
Color = Annotated[str, Field(pattern=r"^#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})$")]

_FLAT = 1e-9
"""Twice the area of a corner's triangle, as a fraction of the base, up to which the corner counts as flat."""


def _convex(corners: list[list[float]]) -> list[list[float]]:
    """Every corner must turn right, with y pointing down."""
    sides = [(x2 - x1, y2 - y1) for (x1, y1), (x2, y2) in pairwise([*corners, corners[0]])]
    turns = [x1 * y2 - y1 * x2 for (x1, y1), (x2, y2) in pairwise([*sides, sides[0]])]
    if min(turns) <= _FLAT:
        raise ValueError("must be a convex quadrilateral, clockwise from the top left")
    return corners


def _with_area(region: list[float]) -> list[float]:
    if min(region[2:]) <= 0:
        raise ValueError("width and height must be greater than 0")
    return region


_Point = Annotated[list[Annotated[float, Field(ge=-1, le=2)]], Field(min_length=2, max_length=2)]
Corners = Annotated[list[_Point], Field(min_length=4, max_length=4), AfterValidator(_convex)]
Region = Annotated[
    list[Annotated[float, Field(ge=-16, le=16)]],
    Field(min_length=4, max_length=4),
    AfterValidator(_with_area),
]

_NUMBER: TypeAdapter[int] = TypeAdapter(
    Annotated[int, Field(ge=1, le=100, strict=True), BeforeValidator(_whole)]
)


def _quality(value: Any) -> int | str:
    if value == "keep":
        return "keep"
    if isinstance(value, str) and not value.isdecimal():
        raise ValueError('must be a number from 1 to 100, or "keep"')
    return _NUMBER.validate_python(value)


Quality = Annotated[
    int | Literal["keep"],
    PlainValidator(_quality, json_schema_input_type=Annotated[int, Field(ge=1, le=100)] | Literal["keep"]),
]
BaseImage = Annotated[
    str,
    Field(
        description="The picture below: a URL, data: URI or base64.",
        examples=["https://example.com/shirt.jpg"],
    ),
]
Mask = Annotated[
    str | None,
    Field(
        description=(
            "White shows the overlay, black hides it; stretched to its size. A URL, data: URI or base64."
        ),
        examples=["https://example.com/mask.png"],
    ),
]

Values = Mapping[str, Any]
Need = tuple[str, tuple[str, ...], str]
MASK_TO_INVERT: Need = ("invert_mask", ("mask",), "give a mask or leave invert_mask out")


def parameter(default: Any, description: str, example: Any, **bounds: Any) -> Any:
    """A field with a default; the bounds are those of `Field`."""
    return Field(default=default, description=description, examples=[example], **bounds)


class Parameters(BaseModel):
    """A parameter that is `null` gets its default. All faults are raised together.

    One of the parameters `one_of` is required, and the two of a pair in `conflicts` exclude each other. A row
    of `needs` names a parameter, the ones of which it needs at least one, and the advice if none is given.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    one_of: ClassVar[tuple[str, ...]] = ()
    conflicts: ClassVar[tuple[tuple[str, str], ...]] = ()
    needs: ClassVar[tuple[Need, ...]] = ()

    @classmethod
    def contradictions(cls, given: Values) -> Iterator[str]:
        """Texts about conflicts between `given`, the parameters that differ from their defaults."""
        for one, other in cls.conflicts:
            if one in given and other in given:
                yield f"{one} and {other} contradict each other: give one of them"
        for name, needed, advice in cls.needs:
            if name in given and given.keys().isdisjoint(needed):
                yield f"{name} without {' and '.join(needed)}: {advice}"

    @model_validator(mode="wrap")
    @classmethod
    def _all_faults(cls, values: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if not isinstance(values, dict):
            return handler(values)
        fields = cls.model_fields
        present = {
            name: value
            for name, value in values.items()
            if value is not None or name not in fields or fields[name].is_required()
        }
        given = {
            name: value for name, value in present.items() if name in fields and value != fields[name].default
        }
        faults: list[InitErrorDetails] = []
        if cls.one_of and given.keys().isdisjoint(cls.one_of):
            faults.append(InitErrorDetails(type="missing", loc=(cls.one_of[0],), input=values))
        text = "; ".join(cls.contradictions(given))
        if text:
            fault = {"error": ValueError(text)}
            faults.append(InitErrorDetails(type="value_error", loc=(), input=values, ctx=fault))
        try:
            checked = handler(present)
        except ValidationError as error:
            if not faults:
                raise
            faults = [*_lines(error), *faults]
        if faults:
            raise ValidationError.from_exception_data(cls.__name__, faults)
        return checked


class Model(Parameters):
    """The parameters of a request: the base, the layers and the output."""

    base_image: str | None = Field(default=None, description="The picture below.")

    @abstractmethod
    def scene(self) -> Scene:
        """The scene that these parameters describe."""


class OutputParams(Parameters):
    """The parameters of the output."""

    base64: bool = parameter(False, "Answer with the picture as base64 instead of its URL.", False)
    image_format: Literal["jpeg", "png", "webp", "avif", "gif", "apng"] = parameter(
        "jpeg", "Format of the answer. jpeg is flattened on background, gif has 256 colours a frame.", "png"
    )
    animation: Literal["first_frame", "keep"] = parameter(
        "first_frame",
        "Of an animated base: the first frame, or all of them, for webp, gif, apng and avif.",
        "keep",
    )
    image_quality: Quality = parameter(
        95,
        'Quality of jpeg, webp and avif; "keep", for jpeg: the quantisation and subsampling of a JPEG base.',
        90,
    )
    background: Color | None = parameter(
        None, "Colour, #rrggbb, under a transparent base. Default: white for jpeg, else none.", "#ffffff"
    )
    keep_copyright: bool = parameter(False, "Copy the base's EXIF artist and copyright.", True)
    keep_icc_profile: bool = parameter(
        False, "Answer in the base's RGB colour space, with its ICC profile. Default: sRGB.", True
    )

    @classmethod
    def contradictions(cls, given: Values) -> Iterator[str]:
        if given.get("image_quality") == "keep" and "image_format" in given:
            yield 'image_quality "keep" is for image_format "jpeg": give a number or leave image_format out'
        image_format = given.get("image_format", "jpeg")
        if "animation" in given and image_format in ("jpeg", "png"):
            yield 'animation "keep" needs image_format "webp", "gif", "apng" or "avif"'
        if image_format == "gif":
            for name in ("keep_copyright", "keep_icc_profile"):
                if name in given:
                    yield f'{name} is not for image_format "gif", which has no place for it'
        yield from super().contradictions(given)

    def output(self) -> Output:
        return Output(
            self.image_format,
            None if self.image_quality == "keep" else self.image_quality,
            self.background,
            self.keep_copyright,
            self.keep_icc_profile,
            self.animation == "keep",
        )


def _lines(error: ValidationError) -> Iterator[InitErrorDetails]:
    for each in error.errors(include_url=False):
        line = InitErrorDetails(type=each["type"], loc=each["loc"], input=each["input"])
        yield line if "ctx" not in each else {**line, "ctx": each["ctx"]}
