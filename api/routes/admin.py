"""The admin API: keys made, listed, rotated, credited and revoked over HTTP, behind a key of its own."""

import logging

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool

from api.access import administrator
from api.http.body import checked, read_json
from api.http.json_response import JsonResponse
from api.openapi import KEY, KEY_ID, body_of
from api.schemas import Credit, Key, Keys, MadeKey, NewKey, Rotation, answers
from api.service import service_of
from jobs.keys.api_keys import ApiKey, ApiKeys, KeyOptions

router = APIRouter(prefix="/admin/keys", tags=["admin"], dependencies=[Depends(administrator)])
log = logging.getLogger("superimpose.api")

REFUSALS = (401, 403, 429, 500, 502)


@router.get("", summary="All keys", responses={200: {"model": Keys}, **answers(*REFUSALS)}, openapi_extra=KEY)
async def list_keys(request: Request) -> JsonResponse:
    """Keys that were not revoked, oldest first, without their texts."""
    keys = await run_in_threadpool(_keys(request).list)
    return JsonResponse({"keys": [key.shown() for key in keys]})


@router.post(
    "",
    summary="Make a key",
    responses={200: {"model": MadeKey}, **answers(400, 413, 415, *REFUSALS)},
    openapi_extra=KEY | body_of(NewKey),
)
async def create(request: Request) -> JsonResponse:
    """A fresh key; its text is in this answer and nowhere else."""
    new = checked(await read_json(request), NewKey)
    options = KeyOptions(new.credits, new.rate, new.scopes, new.expires_in_s)
    key, text = await run_in_threadpool(_keys(request).create, new.name, options)
    log.info("key %s made", key.key_id)
    return JsonResponse(key.shown() | {"key": text})


@router.get(
    "/{key_id}",
    summary="One key",
    responses={200: {"model": Key}, **answers(404, *REFUSALS)},
    openapi_extra=KEY | KEY_ID,
)
async def get(request: Request) -> JsonResponse:
    """What is kept of a key."""
    return JsonResponse((await _read(request)).shown())


@router.delete(
    "/{key_id}",
    summary="Revoke a key",
    responses={200: {"model": Key}, **answers(404, *REFUSALS)},
    openapi_extra=KEY | KEY_ID,
)
async def revoke(request: Request) -> JsonResponse:
    """Invalid at once, all its texts; answers with what it was."""
    key = await _read(request)
    await run_in_threadpool(_keys(request).revoke, key.key_id)
    log.info("key %s revoked", key.key_id)
    return JsonResponse(key.shown())


@router.post(
    "/{key_id}/rotate",
    summary="Rotate a key",
    responses={200: {"model": MadeKey}, **answers(400, 404, 413, 415, *REFUSALS)},
    openapi_extra=KEY | KEY_ID | body_of(Rotation),
)
async def rotate(request: Request) -> JsonResponse:
    """A new text for the same key; the old one stays valid for a while."""
    rotation = checked(await read_json(request), Rotation)
    text = await run_in_threadpool(_keys(request).rotate, _key_id(request), rotation.overlap_s)
    log.info("key %s rotated", _key_id(request))
    return JsonResponse((await _read(request)).shown() | {"key": text})


@router.post(
    "/{key_id}/credit",
    summary="Add credits",
    responses={200: {"model": Key}, **answers(400, 404, 409, 413, 415, *REFUSALS)},
    openapi_extra=KEY | KEY_ID | body_of(Credit),
)
async def credit(request: Request) -> JsonResponse:
    """Add to what a key can spend, or take away, but never below 0."""
    added = checked(await read_json(request), Credit)
    key = await run_in_threadpool(_keys(request).add_credits, _key_id(request), added.amount)
    log.info("key %s got %+d credits", key.key_id, added.amount)
    return JsonResponse(key.shown())


def _keys(request: Request) -> ApiKeys:
    return service_of(request).api_keys


def _key_id(request: Request) -> str:
    key_id: str = request.path_params["key_id"]
    return key_id


async def _read(request: Request) -> ApiKey:
    return await run_in_threadpool(_keys(request).get, _key_id(request))
