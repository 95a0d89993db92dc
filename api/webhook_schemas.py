"""Models of request and response bodies about webhooks."""

from pydantic import BaseModel, ConfigDict, Field

from jobs.keys.api_keys import OVERLAP_S
from jobs.webhooks.deliveries import MAX_ATTEMPTS_SHOWN, State


class WebhookSecret(BaseModel):
    """The secret that events are signed with."""

    key: str = Field(
        description="whsec_ and base64", examples=["whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="]
    )


class SecretRotation(BaseModel):
    """How the secret is rotated."""

    model_config = ConfigDict(extra="forbid")

    overlap_s: int = Field(
        OVERLAP_S, ge=0, le=10**10, description="how long events are also signed with the old secret"
    )


class DeliveryAttempt(BaseModel):
    """One attempt to send an event."""

    at: str = Field(examples=["2026-11-29T21:15:10.812+00:00"])
    status: int | None = Field(description="of the receiver's response; null: none arrived", examples=[503])
    duration_ms: int = Field(examples=[12])
    error: str | None = Field(description="null: delivered", examples=["answered 503"])


class Delivery(BaseModel):
    """Delivery of a request's event."""

    url: str = Field(description="without its query", examples=["https://shop.example/webhooks/superimpose"])
    state: State = Field(
        description="pending: the request has not ended, or the event is yet to be delivered; failed: all "
        "attempts failed; gone: the receiver answered 410"
    )
    attempts: list[DeliveryAttempt] = Field(description=f"the last {MAX_ATTEMPTS_SHOWN}, oldest first")
    next_attempt_at: str | None = Field(
        description="null: none is scheduled, or one is running", examples=["2026-11-29T21:15:15.830+00:00"]
    )
