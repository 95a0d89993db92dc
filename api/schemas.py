"""Models of answers and bodies. A `PlainRoute` is documented by its model and validates nothing."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from jobs.keys.api_keys import OVERLAP_S
from jobs.keys.key_rules import MAX_CREDITS, MAX_NAME_LENGTH, MAX_WEIGHT, Scope, checked_name
from jobs.keys.rates import RateField

ID = "8b4f3c9e-6f0e-4a53-9a5b-0a9c7f2d1e11"
ORIGIN = "https://pictures.example"
"""Of the examples; the document is served with the service's own instead."""
REQUEST = f"{ORIGIN}/v2/requests/{ID}"
PICTURE = f"{ORIGIN}/pictures/0Vn7rGQ9xq1yqLw2m3T4u5v6w7x8y9z0.jpeg"


CUSTOM_ID = Field(None, description="as submitted; absent if none was", examples=["sku-4711/front"])


class Submitted(BaseModel):
    """An accepted request and where to follow it."""

    request_id: str = Field(examples=[ID])
    custom_id: str | None = CUSTOM_ID
    status: str = Field(examples=["QUEUED"])
    status_url: str = Field(examples=[f"{REQUEST}/status"])
    response_url: str = Field(examples=[REQUEST])
    poll_url: str = Field(examples=[REQUEST.replace("/v2/", "/v1/")])
    cancel_url: str = Field(examples=[f"{REQUEST}/cancel"])


class Running(BaseModel):
    """A request that is QUEUED or PROCESSING."""

    status: str = Field(examples=["QUEUED"])
    request_id: str = Field(examples=[ID])
    custom_id: str | None = CUSTOM_ID
    status_url: str = Field(examples=[f"{REQUEST}/status"])
    response_url: str = Field(examples=[REQUEST])
    metrics: dict[str, float] = Field(default={}, description="empty until the end")
    queue_position: int | None = Field(None, description="while QUEUED; 0 = next", examples=[0])


class Metrics(BaseModel):
    """Seconds each part took."""

    inference_time: float = Field(description="decode + compose + encode", examples=[0.021])
    queue_time: float = Field(examples=[0.004])
    total_time: float = Field(examples=[0.047])
    fetch: float = Field(examples=[0.009])
    decode: float = Field(examples=[0.011])
    inspect: float = Field(0, description="content checks, where there are any", examples=[0.02])
    compose: float = Field(examples=[0.004])
    encode: float = Field(examples=[0.006])
    store: float = Field(examples=[0.001])
    cache_hits: int = Field(0, description="inputs this worker still had decoded for this key", examples=[1])


class Completed(BaseModel):
    """A status of COMPLETED."""

    status: str = Field(examples=["COMPLETED"])
    request_id: str = Field(examples=[ID])
    custom_id: str | None = CUSTOM_ID
    metrics: Metrics


class Image(BaseModel):
    """The picture of a result."""

    url: str = Field(examples=[PICTURE])
    content_type: str = Field(examples=["image/jpeg"])
    file_name: str = Field(examples=[PICTURE.rpartition("/")[2]])
    file_size: int = Field(examples=[73012])
    width: int = Field(examples=[600])
    height: int = Field(examples=[400])


class Result(Completed):
    """The result of a COMPLETED request."""

    error: None = None
    output: str = Field(description="URL of the picture, or its base64 if asked for", examples=[PICTURE])
    images: list[Image]
    expires_at: str = Field(examples=["2026-11-22T19:30:00.000+00:00"])
    animated: list[str] = Field(
        [], description="inputs of which only the first frame was used; absent if none"
    )
    warnings: list[str] = Field([], description="what was not done as asked; absent if nothing")


class Failed(BaseModel):
    """A request that FAILED."""

    status: str = Field(examples=["FAILED"])
    error: str = Field(examples=["overlay_image: is not an image file: send JPEG, PNG, WEBP, GIF or AVIF"])
    code: str = Field(examples=["invalid_image"])
    request_id: str = Field(examples=[ID])
    custom_id: str | None = CUSTOM_ID
    metrics: dict[str, float] = {}


class Cancelled(Failed):
    """A request that was cancelled."""

    was: str = Field(description="its status before: QUEUED or PROCESSING", examples=["QUEUED"])
    error: str = Field(examples=["cancelled by its owner"])
    code: str = Field(examples=["cancelled"])


class Listed(BaseModel):
    """A request in a list: its status, and of a COMPLETED one what its result says."""

    model_config = ConfigDict(extra="allow")

    status: str = Field(examples=["COMPLETED"])
    request_id: str = Field(examples=[ID])
    custom_id: str | None = CUSTOM_ID
    created_at: str = Field(examples=["2026-11-22T18:30:00.000+00:00"])
    status_url: str = Field(examples=[f"{REQUEST}/status"])
    response_url: str = Field(examples=[REQUEST])
    error: str | None = Field(None, description="of a FAILED one, with its `code`")
    code: str | None = Field(None, examples=["invalid_image"])
    output: str | None = Field(None, description="of a COMPLETED one: URL of the picture", examples=[PICTURE])
    images: list[Image] = Field([], description="of a COMPLETED one")
    metrics: dict[str, float] = Field(default={}, description="empty until the end")
    expires_at: str | None = Field(None, description="of one that has ended")


class RequestList(BaseModel):
    """Requests of the key, newest first."""

    requests: list[Listed]
    next: str | None = Field(
        description="goes on with `before` set to this; null: there are no more. A page of a status that is "
        "rare may hold fewer requests than asked for, and go on.",
        examples=["1796000000123456"],
    )


class Base64Picture(BaseModel):
    """A picture as the answer to a submit that waits, with `base64: true`."""

    image: str = Field(description="plain base64", examples=["/9j/4AAQSkZJRg=="])
    custom_id: str | None = CUSTOM_ID


class Uploaded(BaseModel):
    """Uploaded pictures, in the order they were sent, as URLs that requests can name."""

    file_urls: list[str] = Field(examples=[[PICTURE]])
    urls: list[str] = Field(description="the same", examples=[[PICTURE]])
    message: str


class UploadRequest(BaseModel):
    """Pictures to upload."""

    model_config = ConfigDict(extra="forbid")

    data_urls: list[str] = Field(
        min_length=1, max_length=20, examples=[["data:image/png;base64,iVBORw0KGgo="]]
    )


class Credits(BaseModel):
    """What a key can still spend."""

    credits: int = Field(examples=[100])
    unlimited: bool = Field(False, description="absent if the key's credits are counted")


class NewKey(BaseModel):
    """A key to make."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, AfterValidator(checked_name)] = Field(
        min_length=1, max_length=MAX_NAME_LENGTH, examples=["my-shop"]
    )
    credits: int | None = Field(
        None, ge=0, le=MAX_CREDITS, description="to spend; null: unlimited", examples=[1000]
    )
    rate: RateField | None = Field(
        None, description="of submits; null: the default of the settings", examples=["600/minute"]
    )
    weight: int = Field(
        1,
        ge=1,
        le=MAX_WEIGHT,
        description="how often its requests start, beside those of other keys that wait",
    )
    scopes: list[Scope] = Field(list(Scope), min_length=1, description="what it may do")
    expires_in_s: int | None = Field(None, ge=1, le=10**10, description="null: never", examples=[7_776_000])


class Rotation(BaseModel):
    """How a key is rotated."""

    model_config = ConfigDict(extra="forbid")

    overlap_s: int = Field(OVERLAP_S, ge=0, le=10**10, description="how long the old text stays valid")


class Credit(BaseModel):
    """Credits to add to a key, or below 0 to take away."""

    model_config = ConfigDict(extra="forbid")

    amount: int = Field(ge=-MAX_CREDITS, le=MAX_CREDITS, examples=[100])


class Key(BaseModel):
    """A key as it is kept."""

    key_id: str = Field(examples=["key_0f3a5c9d1e2b"])
    name: str = Field(examples=["my-shop"])
    credits: int | None = Field(description="left to spend; null: unlimited", examples=[993])
    held: int = Field(description="credits of unfinished requests", examples=[2])
    spent: int = Field(description="credits of COMPLETED requests", examples=[5])
    rate: str | None = Field(description="of submits; null: the default", examples=["600/minute"])
    weight: int = Field(description="how often its requests start, beside those of others", examples=[1])
    scopes: list[Scope]
    created_at: str = Field(examples=["2026-11-22T19:30:00.000+00:00"])
    last_used_at: str | None = Field(description="to the minute; null: never")
    expires_at: str | None = Field(description="null: never")


class MadeKey(Key):
    """A key that was just made, or rotated, with its text."""

    key: str = Field(description="shown only now", examples=["si_..."])


class Keys(BaseModel):
    """All keys."""

    keys: list[Key]


class Error(BaseModel):
    """Any other answer than success."""

    error: str = Field(description="what is wrong and what to do")
    code: str = Field(description="the same for programs")
    request_id: str | None = None
    errors: list[dict[str, str]] | None = Field(
        None, description="with 400: `field` and `message` of each fault"
    )


ERRORS: dict[int, tuple[str, str]] = {
    400: ("Invalid parameters or body; all faults at once", "invalid_parameters"),
    401: ("Missing or wrong key", "invalid_key"),
    403: ("The key may not do this", "missing_scope"),
    404: ("Unknown or expired", "not_found"),
    405: ("Method not allowed", "method_not_allowed"),
    406: ("Not enough credits", "not_enough_credits"),
    409: (
        "Not as things stand: the request has ended, or has not, the credits are not there, or the "
        "Idempotency-Key is another body's",
        "already_finished",
    ),
    413: ("Too large", "body_too_large"),
    415: ("The body is compressed; send it as it is", "unsupported_encoding"),
    416: ("The picture has no such range", "range"),
    429: ("Too many calls; Retry-After says when to try again", "too_many_requests"),
    500: ("Our fault, logged", "internal"),
    502: ("The queue or the store cannot be reached; try again", "unavailable"),
    504: ("Not finished in time; the request can still be polled", "timeout"),
}


def answers(*errors: int) -> dict[int | str, dict[str, Any]]:
    """The error answers of a route, for its `responses=`."""
    return {
        status: {
            "model": Error,
            "description": ERRORS[status][0],
            "content": {"application/json": {"example": {"error": "...", "code": ERRORS[status][1]}}},
        }
        for status in errors
    }
