"""The fields of a submit beside the parameters of its model."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

MAX_CUSTOM_ID_LENGTH = 64


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must have printable characters only: no line breaks, tabs or control characters")
    return text


CustomId = Annotated[str, Field(min_length=1, max_length=MAX_CUSTOM_ID_LENGTH), AfterValidator(_printable)]


class RequestOptions(BaseModel):
    """Fields that concern the request, not its picture: the same for all models.

    The body of a submit has these fields and its model's parameters, validated together.
    """

    model_config = ConfigDict(frozen=True)

    custom_id: CustomId | None = Field(
        default=None,
        description=(
            "The caller's own name for the request, included in responses, lists and logs: printable "
            "characters of any script. It need not be unique."
        ),
        examples=["sku-4711/front"],
    )

    webhook_url: str | None = Field(
        default=None,
        description="Receives a signed POST when the request ends: https, at most 2,048 characters.",
        examples=["https://shop.example/superimpose"],
    )
    webhook_events: list[Literal["completed", "failed"]] | None = Field(
        default=None,
        min_length=1,
        description="The ends that send an event; unset: both.",
        examples=[["completed"]],
    )

    @property
    def given(self) -> dict[str, Any]:
        return self.model_dump(exclude_none=True)


def echo(custom_id: str | None) -> dict[str, Any]:
    """The field `custom_id` of responses and logs, absent if unset."""
    return {"custom_id": custom_id} if custom_id else {}
