"""The admin API, which manages API keys and needs the admin key."""

import logging
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.concurrency import run_in_threadpool

from api.admission import KEY, ServiceDep, admit_admin, json_body
from api.openapi import describe_body
from api.schemas import Credit, Key, Keys, MadeKey, NewKey, Rotation, errors
from jobs.keys.api_key import KeyOptions

router = APIRouter(prefix="/admin/keys", tags=["admin"], dependencies=[*KEY, Depends(admit_admin)])
log = logging.getLogger("superimpose.api")

REFUSALS = (401, 403, 429, 500, 502)


@router.get("", summary="All keys", responses=errors(*REFUSALS))
async def list_keys(service: ServiceDep) -> Keys:
    """Keys that were not revoked, oldest first, without their secrets."""
    keys = await run_in_threadpool(service.api_keys.list)
    return Keys(keys=[Key(**key.shown()) for key in keys])


@router.post(
    "",
    summary="Create a key",
    responses=errors(400, 413, 415, *REFUSALS),
    openapi_extra=describe_body(NewKey),
)
async def create_key(service: ServiceDep, new: Annotated[NewKey, json_body(NewKey)]) -> MadeKey:
    """The secret is in this response and nowhere else."""
    options = KeyOptions(new.credits, new.rate, new.scopes, new.expires_in_s, new.weight)
    key, text = await run_in_threadpool(service.api_keys.create, new.name, options)
    log.info("key %s created", key.key_id)
    return MadeKey(**key.shown(), key=text)


@router.get("/{key_id}", summary="One key", responses=errors(404, *REFUSALS))
async def show_key(service: ServiceDep, key_id: str) -> Key:
    return await _read(service, key_id)


@router.delete("/{key_id}", summary="Revoke a key", responses=errors(404, *REFUSALS))
async def revoke_key(service: ServiceDep, key_id: str) -> Key:
    """Invalidate the key and all its secrets at once; the response is the key as it was."""
    key = await _read(service, key_id)
    await run_in_threadpool(service.api_keys.revoke, key_id)
    log.info("key %s revoked", key_id)
    return key


@router.post(
    "/{key_id}/rotate",
    summary="Rotate a key",
    responses=errors(400, 404, 413, 415, *REFUSALS),
    openapi_extra=describe_body(Rotation),
)
async def rotate_key(
    service: ServiceDep, key_id: str, rotation: Annotated[Rotation, json_body(Rotation)]
) -> MadeKey:
    """Issue a new secret for the key; the old one stays valid for a while."""
    text = await run_in_threadpool(service.api_keys.rotate, key_id, rotation.overlap_s)
    log.info("key %s rotated", key_id)
    return MadeKey(**dict(await _read(service, key_id)), key=text)


@router.post(
    "/{key_id}/credit",
    summary="Add credits",
    responses=errors(400, 404, 409, 413, 415, *REFUSALS),
    openapi_extra=describe_body(Credit),
)
async def add_credits(service: ServiceDep, key_id: str, credit: Annotated[Credit, json_body(Credit)]) -> Key:
    """Add credits, or remove them with a negative amount; the balance never falls below 0."""
    key = await run_in_threadpool(service.api_keys.add_credits, key_id, credit.amount)
    log.info("key %s: %+d credits", key_id, credit.amount)
    return Key(**key.shown())


async def _read(service: ServiceDep, key_id: str) -> Key:
    return Key(**(await run_in_threadpool(service.api_keys.get, key_id)).shown())
