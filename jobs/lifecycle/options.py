"""What a submit may say beside the parameters of its model."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

MOST_CHARACTERS = 64


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must have printable characters only: no line breaks, tabs or control characters")
    return text


CustomId = Annotated[str, Field(min_length=1, max_length=MOST_CHARACTERS), AfterValidator(_printable)]


class RequestOptions(BaseModel):
    """Fields of a body that are about the request, not about its picture: the same for all models.

    The body of a submit has these and its model's parameters, checked together.
    """

    model_config = ConfigDict(frozen=True)

    custom_id: CustomId | None = Field(
        default=None,
        description=(
            "The caller's own name for the request, which answers, lists and logs repeat: printable "
            "characters of any script. It need not be unique."
        ),
        examples=["sku-4711/front"],
    )

    webhook_url: str | None = Field(
        default=None,
        description="Where the request's end is told, by a signed POST: https, at most 2,048 characters.",
        examples=["https://shop.example/superimpose"],
    )
    webhook_events: list[Literal["completed", "failed"]] | None = Field(
        default=None, min_length=1, description="Of which ends; unset: of both.", examples=[["completed"]]
    )

    @property
    def given(self) -> dict[str, Any]:
        """Those that were given."""
        return self.model_dump(exclude_none=True)


def echo(custom_id: str | None) -> dict[str, Any]:
    """What answers and logs say of it: nothing where none was given."""
    return {"custom_id": custom_id} if custom_id else {}
