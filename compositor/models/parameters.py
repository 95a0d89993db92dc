"""The validation and the field types that all models share."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
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

_STILL = ("jpeg", "png")

Values = Mapping[str, Any]


class Parameters(BaseModel):
    """A parameter that is `null` gets its default. All faults are raised together."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    @classmethod
    def contradictions(cls, given: Values) -> Iterable[str]:
        """Texts about conflicts between `given`, the parameters that differ from their defaults."""
        del given
        return ()

    @classmethod
    def missing(cls, given: Values) -> Iterable[str]:
        """Names of the parameters that the given ones require."""
        del given
        return ()

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
        faults = [InitErrorDetails(type="missing", loc=(name,), input=values) for name in cls.missing(given)]
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

    base64: bool = Field(
        default=False,
        description="Answer with the picture as base64 instead of its URL.",
        examples=[False],
    )
    image_format: Literal["jpeg", "png", "webp", "avif", "gif", "apng"] = Field(
        default="jpeg",
        description="Format of the answer. jpeg is flattened on background, gif has 256 colours a frame.",
        examples=["png"],
    )
    animation: Literal["first_frame", "keep"] = Field(
        default="first_frame",
        description="Of an animated base: the first frame, or all of them, for webp, gif, apng and avif.",
        examples=["keep"],
    )
    image_quality: Quality = Field(
        default=95,
        description=(
            'Quality of jpeg, webp and avif; "keep", for jpeg: the quantisation and subsampling of a '
            "JPEG base."
        ),
        examples=[90],
    )
    background: str | None = Field(
        default=None,
        pattern=r"^#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})$",
        description="Colour, #rrggbb, under a transparent base. Default: white for jpeg, else none.",
        examples=["#ffffff"],
    )
    keep_copyright: bool = Field(
        default=False,
        description="Copy the base's EXIF artist and copyright.",
        examples=[True],
    )
    keep_icc_profile: bool = Field(
        default=False,
        description="Answer in the base's RGB colour space, with its ICC profile. Default: sRGB.",
        examples=[True],
    )

    @classmethod
    def contradictions(cls, given: Values) -> Iterable[str]:
        if given.get("image_quality") == "keep" and "image_format" in given:
            yield 'image_quality "keep" is for image_format "jpeg": give a number or leave image_format out'
        image_format = given.get("image_format", "jpeg")
        if "animation" in given and image_format in _STILL:
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


def conflicts(pairs: Iterable[tuple[str, str]], given: Values) -> Iterator[str]:
    """A text for each pair of mutually exclusive parameters that are both given."""
    for one, other in pairs:
        if one in given and other in given:
            yield f"{one} and {other} contradict each other: give one of them"


def inversion_without_mask(given: Values) -> Iterator[str]:
    if "invert_mask" in given and "mask" not in given:
        yield "invert_mask without mask: give a mask or leave invert_mask out"


def _lines(error: ValidationError) -> Iterator[InitErrorDetails]:
    for each in error.errors(include_url=False):
        line = InitErrorDetails(type=each["type"], loc=each["loc"], input=each["input"])
        yield line if "ctx" not in each else {**line, "ctx": each["ctx"]}
