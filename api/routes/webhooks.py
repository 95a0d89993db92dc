"""A key's webhooks: its signing secret, and the delivery of events."""

import logging
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool

from api.admission import KEY, Reader, RequestId, ServiceDep, WebhookOwner, json_body
from api.errors import invalid_key, no_event, no_event_yet
from api.openapi import describe_body
from api.schemas import errors
from api.service import Service
from api.webhook_schemas import Delivery, SecretRotation, WebhookSecret
from jobs.keys.admission import Caller
from jobs.keys.api_keys import UnknownKey
from jobs.webhooks import deliveries
from jobs.webhooks.deliveries import NoEvent
from telemetry.log_context import bind_contextvars

router = APIRouter(tags=["webhooks"], dependencies=KEY)
log = logging.getLogger("superimpose.api")

REFUSALS = (401, 429, 500, 502)


@router.get(
    "/v1/webhooks/default/secret",
    summary="Secret of a key's webhooks",
    responses=errors(400, 403, *REFUSALS),
)
async def show_secret(service: ServiceDep, key: WebhookOwner) -> WebhookSecret:
    """The secret that events are signed with. Replicate's path, so that its clients can read it."""
    return await _secret(service.webhook_secrets.read, key.key_id)


@router.post(
    "/v2/webhooks/secret/rotate",
    summary="Rotate the secret of a key's webhooks",
    responses=errors(400, 403, 413, 415, *REFUSALS),
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
    responses=errors(404, *REFUSALS),
)
async def show_delivery(service: ServiceDep, key: Reader, request_id: RequestId) -> Delivery:
    """The receiver and all attempts; available for longer than the request itself."""
    return _shown(await _read(service, key, request_id))


@router.post(
    "/v2/requests/{request_id}/webhook/redeliver",
    summary="Send a request's event again",
    status_code=202,
    responses=errors(404, 409, *REFUSALS),
)
async def redeliver(service: ServiceDep, key: Reader, request_id: RequestId) -> Delivery:
    """Send the event now, with the same id, whatever its state; a failure starts the whole schedule again."""
    delivery = await _read(service, key, request_id)
    if delivery.message_id is None:
        raise no_event_yet(request_id)
    try:
        await run_in_threadpool(service.deliveries.redeliver, request_id)
    except NoEvent:
        raise no_event(request_id) from None
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
