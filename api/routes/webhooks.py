"""A key's webhooks: its signing secret, and the delivery of events."""

import logging
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field

from api.dependencies import KEY, Reader, RecordId, ServiceDep, WebhookOwner, json_body
from api.errors import invalid_key, no_event, no_event_yet
from api.openapi import describe_body
from api.schemas import errors
from api.service import Service
from jobs.keys.admission import Caller
from jobs.keys.api_keys import OVERLAP_S, UnknownKey
from jobs.webhooks import deliveries
from jobs.webhooks.deliveries import MAX_ATTEMPTS_SHOWN, State
from telemetry.logs import bind_contextvars

router = APIRouter(tags=["webhooks"], dependencies=KEY)
log = logging.getLogger("superimpose.api")


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


@router.get(
    "/v1/webhooks/default/secret",
    summary="Secret of a key's webhooks",
    responses=errors(400, 403),
)
async def show_secret(service: ServiceDep, key: WebhookOwner) -> WebhookSecret:
    """The secret that events are signed with. Replicate's path, so that its clients can read it."""
    return await _secret(service.webhook_secrets.read, key.key_id)


@router.post(
    "/v2/webhooks/secret/rotate",
    summary="Rotate the secret of a key's webhooks",
    responses=errors(400, 403, 413, 415),
    openapi_extra=describe_body(SecretRotation),
)
async def rotate_secret(
    service: ServiceDep, key: WebhookOwner, rotation: Annotated[SecretRotation, json_body(SecretRotation)]
) -> WebhookSecret:
    """Issue a new secret; for a while, events are also signed with the old one."""
    secret = await _secret(service.webhook_secrets.rotate, key.key_id, rotation.overlap_s)
    log.info("webhook secret of %s rotated", key.key_id)
    return secret


@router.get(
    "/v2/requests/{request_id}/webhook",
    summary="Delivery of a request's event",
    responses=errors(404),
)
async def show_delivery(service: ServiceDep, key: Reader, request_id: RecordId) -> Delivery:
    """The receiver and all attempts; available for longer than the request itself."""
    return _shown(await _read(service, key, request_id))


@router.post(
    "/v2/requests/{request_id}/webhook/redeliver",
    summary="Send a request's event again",
    status_code=202,
    responses=errors(404, 409),
)
async def redeliver(service: ServiceDep, key: Reader, request_id: RecordId) -> Delivery:
    """Send the event now, with the same id, whatever its state; a failure starts the whole schedule again."""
    delivery = await _read(service, key, request_id)
    if delivery.message_id is None:
        raise no_event_yet(request_id)
    await run_in_threadpool(service.deliveries.redeliver, request_id)
    return _shown(await _read(service, key, request_id))


async def _secret(call: Callable[..., str], *arguments: Any) -> WebhookSecret:
    try:
        return WebhookSecret(key=await run_in_threadpool(call, *arguments))
    except UnknownKey:  # revoked after it was admitted
        raise invalid_key() from None


async def _read(service: Service, key: Caller, request_id: str) -> deliveries.Delivery:
    """Raises 404, also for an event of another key."""
    delivery = await run_in_threadpool(service.deliveries.find, request_id)
    if delivery is None or delivery.key_id != key.key_id:
        raise no_event(request_id)
    bind_contextvars(request_id=request_id)
    return delivery


def _shown(delivery: deliveries.Delivery) -> Delivery:
    return Delivery(**delivery.shown())
