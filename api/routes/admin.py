"""The admin API: keys made, listed, rotated, credited and revoked over HTTP, behind a key of its own."""

import logging
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.concurrency import run_in_threadpool

from api.dependencies import KEY, ServiceDep, admit_admin, json_body
from api.openapi import describe_body
from api.schemas import Credit, Key, Keys, MadeKey, NewKey, Rotation, answers
from jobs.keys.api_key import KeyOptions

router = APIRouter(prefix="/admin/keys", tags=["admin"], dependencies=[*KEY, Depends(admit_admin)])
log = logging.getLogger("superimpose.api")

REFUSALS = (401, 403, 429, 500, 502)


@router.get("", summary="All keys", responses=answers(*REFUSALS))
async def list_keys(service: ServiceDep) -> Keys:
    """Keys that were not revoked, oldest first, without their texts."""
    keys = await run_in_threadpool(service.api_keys.list)
    return Keys(keys=[Key(**key.shown()) for key in keys])


@router.post(
    "", summary="Make a key", responses=answers(400, 413, 415, *REFUSALS), openapi_extra=describe_body(NewKey)
)
async def create_key(service: ServiceDep, new: Annotated[NewKey, json_body(NewKey)]) -> MadeKey:
    """A fresh key; its text is in this answer and nowhere else."""
    options = KeyOptions(new.credits, new.rate, new.scopes, new.expires_in_s, new.weight)
    key, text = await run_in_threadpool(service.api_keys.create, new.name, options)
    log.info("key %s made", key.key_id)
    return MadeKey(**key.shown(), key=text)


@router.get("/{key_id}", summary="One key", responses=answers(404, *REFUSALS))
async def show_key(service: ServiceDep, key_id: str) -> Key:
    """What is kept of a key."""
    return await _read(service, key_id)


@router.delete("/{key_id}", summary="Revoke a key", responses=answers(404, *REFUSALS))
async def revoke_key(service: ServiceDep, key_id: str) -> Key:
    """Invalid at once, all its texts; answers with what it was."""
    key = await _read(service, key_id)
    await run_in_threadpool(service.api_keys.revoke, key_id)
    log.info("key %s revoked", key_id)
    return key


@router.post(
    "/{key_id}/rotate",
    summary="Rotate a key",
    responses=answers(400, 404, 413, 415, *REFUSALS),
    openapi_extra=describe_body(Rotation),
)
async def rotate_key(
    service: ServiceDep, key_id: str, rotation: Annotated[Rotation, json_body(Rotation)]
) -> MadeKey:
    """A new text for the same key; the old one stays valid for a while."""
    text = await run_in_threadpool(service.api_keys.rotate, key_id, rotation.overlap_s)
    log.info("key %s rotated", key_id)
    return MadeKey(**dict(await _read(service, key_id)), key=text)


@router.post(
    "/{key_id}/credit",
    summary="Add credits",
    responses=answers(400, 404, 409, 413, 415, *REFUSALS),
    openapi_extra=describe_body(Credit),
)
async def add_credits(service: ServiceDep, key_id: str, credit: Annotated[Credit, json_body(Credit)]) -> Key:
    """Add to what a key can spend, or take away, but never below 0."""
    key = await run_in_threadpool(service.api_keys.add_credits, key_id, credit.amount)
    log.info("key %s got %+d credits", key_id, credit.amount)
    return Key(**key.shown())


async def _read(service: ServiceDep, key_id: str) -> Key:
    return Key(**(await run_in_threadpool(service.api_keys.get, key_id)).shown())
