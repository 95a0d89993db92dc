"""Models of answers and bodies about webhooks."""

from pydantic import BaseModel, ConfigDict, Field

from jobs.keys.api_keys import OVERLAP_S
from jobs.webhooks.deliveries import MAX_ATTEMPTS_SHOWN, State


class WebhookSecret(BaseModel):
    """What events are signed with."""

    key: str = Field(
        description="whsec_ and base64", examples=["whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="]
    )


class SecretRotation(BaseModel):
    """How the secret is rotated."""

    model_config = ConfigDict(extra="forbid")

    overlap_s: int = Field(
        OVERLAP_S, ge=0, le=10**10, description="how long events are signed with the old one too"
    )


class DeliveryAttempt(BaseModel):
    """One attempt to send an event."""

    at: str = Field(examples=["2026-11-29T21:15:10.812+00:00"])
    status: int | None = Field(description="of the receiver's answer; null: there was none", examples=[503])
    duration_ms: int = Field(examples=[12])
    error: str | None = Field(description="null: it was delivered", examples=["answered 503"])


class Delivery(BaseModel):
    """What became of the event of a request."""

    url: str = Field(description="without its query", examples=["https://shop.example/webhooks/superimpose"])
    state: State = Field(
        description="pending: the request has not ended, or the event is sent, or sent again; failed: it was "
        "sent in vain as often as it may be; gone: the receiver answered 410"
    )
    attempts: list[DeliveryAttempt] = Field(description=f"the last {MAX_ATTEMPTS_SHOWN}, oldest first")
    next_attempt_at: str | None = Field(
        description="null: none is planned, or one is under way", examples=["2026-11-29T21:15:15.830+00:00"]
    )
