"""Models of response bodies about requests and errors, and the responses that routes document."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from api.errors import ErrorCode

ID = "8b4f3c9e-6f0e-4a53-9a5b-0a9c7f2d1e11"
ORIGIN = "https://pictures.example"
"""Placeholder in the examples; replaced by the service's own origin when the document is served."""
REQUEST = f"{ORIGIN}/v2/requests/{ID}"
PICTURE = f"{ORIGIN}/pictures/0Vn7rGQ9xq1yqLw2m3T4u5v6w7x8y9z0.jpeg"

CUSTOM_ID = Field(None, description="as submitted; absent if none was", examples=["sku-4711/front"])


class Named(BaseModel):
    request_id: str = Field(examples=[ID])
    custom_id: str | None = CUSTOM_ID


class Followed(Named):
    status_url: str = Field(examples=[f"{REQUEST}/status"])
    response_url: str = Field(examples=[REQUEST])


class Submitted(Followed):
    """An accepted request and where to follow it."""

    status: str = Field(examples=["QUEUED"])
    poll_url: str = Field(examples=[REQUEST.replace("/v2/", "/v1/")])
    cancel_url: str = Field(examples=[f"{REQUEST}/cancel"])


class Running(Followed):
    """A request that is QUEUED or PROCESSING."""

    status: str = Field(examples=["QUEUED"])
    metrics: dict[str, float] = Field(default={}, description="empty until the end")
    queue_position: int | None = Field(None, description="while QUEUED; 0 = next", examples=[0])


class Metrics(BaseModel):
    """Seconds each part took."""

    inference_time: float = Field(description="decode + compose + encode", examples=[0.021])
    queue_time: float = Field(examples=[0.004])
    total_time: float = Field(examples=[0.047])
    fetch: float = Field(examples=[0.009])
    decode: float = Field(examples=[0.011])
    inspect: float = Field(0, description="content checks, if configured", examples=[0.02])
    compose: float = Field(examples=[0.004])
    encode: float = Field(examples=[0.006])
    store: float = Field(examples=[0.001])
    cache_hits: int = Field(0, description="inputs found decoded in the worker's cache", examples=[1])


class Completed(Named):
    """A status of COMPLETED."""

    status: str = Field(examples=["COMPLETED"])
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
    output: str = Field(description="URL of the picture, or its base64 if requested", examples=[PICTURE])
    images: list[Image]
    expires_at: str = Field(examples=["2026-11-22T19:30:00.000+00:00"])
    animated: list[str] = Field(
        [], description="inputs of which only the first frame was used; absent if none"
    )
    warnings: list[str] = Field([], description="parameters that had no effect, and why; absent if none")


class Failed(Named):
    """A request that FAILED."""

    status: str = Field(examples=["FAILED"])
    error: str = Field(examples=["overlay_image: is not an image file: send JPEG, PNG, WEBP, GIF or AVIF"])
    code: str = Field(examples=["invalid_image"])
    metrics: dict[str, float] = {}


class Cancelled(Failed):
    """A request that was cancelled."""

    was: str = Field(description="its status before: QUEUED or PROCESSING", examples=["QUEUED"])
    error: str = Field(examples=["cancelled by its owner"])
    code: str = Field(examples=["cancelled"])


class Listed(Followed):
    """A request in a list: its status, and the fields of the result if COMPLETED."""

    model_config = ConfigDict(extra="allow")

    status: str = Field(examples=["COMPLETED"])
    batch_id: str | None = Field(None, description="for a request of a batch")
    created_at: str = Field(examples=["2026-11-22T18:30:00.000+00:00"])
    error: str | None = Field(None, description="if FAILED, with its `code`")
    code: str | None = Field(None, examples=["invalid_image"])
    output: str | None = Field(None, description="if COMPLETED: URL of the picture", examples=[PICTURE])
    images: list[Image] = Field([], description="if COMPLETED")
    metrics: dict[str, float] = Field(default={}, description="empty until the end")
    expires_at: str | None = Field(None, description="null: not finished yet")


class RequestList(BaseModel):
    """Requests of the key, newest first."""

    requests: list[Listed]
    next: str | None = Field(
        description="`before` of the next page; null: this is the last page. A page filtered by `status` may "
        "hold fewer requests than `limit` and still have a next page.",
        examples=["1796000000123456"],
    )


class Base64Picture(BaseModel):
    """The response of `POST /v1/{model}` with `base64: true`."""

    image: str = Field(description="plain base64", examples=["/9j/4AAQSkZJRg=="])
    custom_id: str | None = CUSTOM_ID


class Error(BaseModel):
    """An error response."""

    error: str = Field(description="what is wrong and what to do")
    code: str = Field(description="machine-readable reason")
    request_id: str | None = None
    errors: list[dict[str, str]] | None = Field(
        None, description="with 400: `field` and `message` of each fault"
    )


ERRORS: Mapping[ErrorCode, str] = {
    ErrorCode.INVALID_PARAMETERS: "Invalid parameters or body; all faults at once",
    ErrorCode.INVALID_KEY: "Missing or wrong key",
    ErrorCode.MISSING_SCOPE: "The key may not do this",
    ErrorCode.NOT_FOUND: "Unknown or expired",
    ErrorCode.METHOD_NOT_ALLOWED: "Method not allowed",
    ErrorCode.NOT_ENOUGH_CREDITS: "Not enough credits",
    ErrorCode.ALREADY_FINISHED: "Conflict with the current state: the request has ended, or has not, the key "
    "has too few credits, or the Idempotency-Key was used with another body",
    ErrorCode.BODY_TOO_LARGE: "Too large",
    ErrorCode.UNSUPPORTED_ENCODING: "The body is compressed; send it as it is",
    ErrorCode.RANGE: "The range is outside the picture",
    ErrorCode.TOO_MANY_REQUESTS: "Too many calls; Retry-After says when to try again",
    ErrorCode.INTERNAL: "Our fault, logged",
    ErrorCode.UNAVAILABLE: "The queue or the store cannot be reached; try again",
    ErrorCode.TIMEOUT: "Not finished in time; the request can still be polled",
}
"""Descriptions of the statuses, each by the code in its example."""

EXAMPLE_CODES: Mapping[int, ErrorCode] = {code.status: code for code in ERRORS}

COMMON = (401, 429, 500, 502)  # errors of every route that needs a key


def errors(*more: int, common: Sequence[int] = COMMON) -> dict[int | str, dict[str, Any]]:
    """The error responses of a route, for its `responses=`."""
    return {
        status: {
            "model": Error,
            "description": ERRORS[EXAMPLE_CODES[status]],
            "content": {"application/json": {"example": {"error": "...", "code": EXAMPLE_CODES[status]}}},
        }
        for status in sorted({*common, *more})
    }


def answers(model: Any, *more: int) -> dict[int | str, dict[str, Any]]:
    """A body of this model, and the errors `more` beside the common ones."""
    return {200: {"model": model}, **errors(*more)}
