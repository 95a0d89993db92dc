"""The admin API, which manages API keys and needs the admin key."""

import logging
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.concurrency import run_in_threadpool
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from api.dependencies import KEY, ServiceDep, admit_admin, json_body
from api.openapi import describe_body
from api.schemas import errors
from jobs.keys.api_key import KeyOptions
from jobs.keys.api_keys import OVERLAP_S
from jobs.keys.key_rules import MAX_CREDITS, MAX_NAME_LENGTH, MAX_WEIGHT, Scope, checked_name
from jobs.keys.rates import RateField

router = APIRouter(prefix="/admin/keys", tags=["admin"], dependencies=[*KEY, Depends(admit_admin)])
log = logging.getLogger("superimpose.api")


class NewKey(BaseModel):
    """A key to create."""

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
        description="how often its requests start, relative to other waiting keys",
    )
    scopes: list[Scope] = Field(list(Scope), min_length=1, description="what it may do")
    expires_in_s: int | None = Field(None, ge=1, le=10**10, description="null: never", examples=[7_776_000])


class Rotation(BaseModel):
    """How a key is rotated."""

    model_config = ConfigDict(extra="forbid")

    overlap_s: int = Field(OVERLAP_S, ge=0, le=10**10, description="how long the old secret stays valid")


class Credit(BaseModel):
    """Credits to add to a key, or below 0 to take away."""

    model_config = ConfigDict(extra="forbid")

    amount: int = Field(ge=-MAX_CREDITS, le=MAX_CREDITS, examples=[100])


class Key(BaseModel):
    """A stored key."""

    key_id: str = Field(examples=["key_0f3a5c9d1e2b"])
    name: str = Field(examples=["my-shop"])
    credits: int | None = Field(description="left to spend; null: unlimited", examples=[993])
    held: int = Field(description="credits of unfinished requests", examples=[2])
    spent: int = Field(description="credits of COMPLETED requests", examples=[5])
    rate: str | None = Field(description="of submits; null: the default", examples=["600/minute"])
    weight: int = Field(description="how often its requests start, relative to other keys", examples=[1])
    scopes: list[Scope]
    created_at: str = Field(examples=["2026-11-22T19:30:00.000+00:00"])
    last_used_at: str | None = Field(description="to the minute; null: never")
    expires_at: str | None = Field(description="null: never")


class MadeKey(Key):
    """A key that was just created or rotated, with its secret."""

    key: str = Field(description="shown only now", examples=["si_..."])


class Keys(BaseModel):
    """All keys."""

    keys: list[Key]


@router.get("", summary="All keys", responses=errors(403))
async def list_keys(service: ServiceDep) -> Keys:
    """Keys that were not revoked, oldest first, without their secrets."""
    keys = await run_in_threadpool(service.api_keys.list)
    return Keys(keys=[Key(**key.shown()) for key in keys])


@router.post(
    "",
    summary="Create a key",
    responses=errors(400, 403, 413, 415),
    openapi_extra=describe_body(NewKey),
)
async def create_key(service: ServiceDep, new: Annotated[NewKey, json_body(NewKey)]) -> MadeKey:
    """The secret is in this response and nowhere else."""
    options = KeyOptions(new.credits, new.rate, new.scopes, new.expires_in_s, new.weight)
    key, text = await run_in_threadpool(service.api_keys.create, new.name, options)
    log.info("key %s created", key.key_id)
    return MadeKey(**key.shown(), key=text)


@router.get("/{key_id}", summary="One key", responses=errors(403, 404))
async def show_key(service: ServiceDep, key_id: str) -> Key:
    key = await run_in_threadpool(service.api_keys.get, key_id)
    return Key(**key.shown())


@router.delete("/{key_id}", summary="Revoke a key", responses=errors(403, 404))
async def revoke_key(service: ServiceDep, key_id: str) -> Key:
    """Invalidate the key and all its secrets at once; the response is the key as it was."""
    key = await run_in_threadpool(service.api_keys.get, key_id)
    await run_in_threadpool(service.api_keys.revoke, key_id)
    log.info("key %s revoked", key_id)
    return Key(**key.shown())


@router.post(
    "/{key_id}/rotate",
    summary="Rotate a key",
    responses=errors(400, 403, 404, 413, 415),
    openapi_extra=describe_body(Rotation),
)
async def rotate_key(
    service: ServiceDep, key_id: str, rotation: Annotated[Rotation, json_body(Rotation)]
) -> MadeKey:
    """Issue a new secret for the key; the old one stays valid for a while."""
    text = await run_in_threadpool(service.api_keys.rotate, key_id, rotation.overlap_s)
    log.info("key %s rotated", key_id)
    key = await run_in_threadpool(service.api_keys.get, key_id)
    return MadeKey(**key.shown(), key=text)


@router.post(
    "/{key_id}/credit",
    summary="Add credits",
    responses=errors(400, 403, 404, 409, 413, 415),
    openapi_extra=describe_body(Credit),
)
async def add_credits(service: ServiceDep, key_id: str, credit: Annotated[Credit, json_body(Credit)]) -> Key:
    """Add credits, or remove them with a negative amount; the balance never falls below 0."""
    key = await run_in_threadpool(service.api_keys.add_credits, key_id, credit.amount)
    log.info("key %s: %+d credits", key_id, credit.amount)
    return Key(**key.shown())
