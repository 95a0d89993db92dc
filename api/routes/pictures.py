"""Downloads of pictures: results, by names that cannot be guessed, and samples."""

import re
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from api.admission import read_picture
from api.dependencies import KEY, ServiceDep
from api.errors import ApiError, ErrorCode, no_picture
from api.http.route_classes import PlainRoute
from api.schemas import errors
from jobs.pictures.inputs import sample_bytes
from jobs.pictures.store import PictureStore
from jobs.queries.reading import PublishedPicture

router = APIRouter(route_class=PlainRoute, default_response_class=Response, tags=["pictures"])

RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)
CHUNK = 1024 * 1024  # bytes read and sent at a time; a large picture is never in memory as a whole

INERT = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
"""Browsers treat the response as a picture, even if its bytes contain HTML or scripts."""

IMAGE: dict[int | str, dict[str, Any]] = {
    200: {"description": "The picture", "content": {"image/jpeg": {}, "image/png": {}, "image/webp": {}}}
}


@router.head("/pictures/{name}", include_in_schema=False)
@router.get(
    "/pictures/{name}",
    summary="A finished picture",
    responses={
        **IMAGE,
        206: {"description": "Part of it"},
        304: {"description": "Unchanged"},
        **errors(401, 404, 416, 429, 502, common=()),
    },
    openapi_extra={"security": [{}]},  # the key is optional
    dependencies=KEY,
)
async def send_picture(request: Request, service: ServiceDep, name: str) -> Response:
    """Needs no key, as the name cannot be guessed. With the key of another owner the response is 404.

    The picture is deleted when its request expires.
    """
    token = name.partition(".")[0]
    published = await read_picture(request, service, token)
    if published is None:
        raise no_picture()
    headers = _headers(token, published)
    if _matches(headers["ETag"], request.headers.get("if-none-match", "")):
        return Response(status_code=304, headers=headers)
    if service.settings.redirect_to_bucket and request.method == "GET":
        return await _redirect(service.store, published)
    return await _send_stored(request, service.store, published, headers)


@router.head("/samples/{name}", include_in_schema=False)
@router.get("/samples/{name}", summary="A sample picture", responses={**IMAGE, **errors(404, common=())})
async def send_sample(_: Request, __: ServiceDep, name: str) -> Response:
    """Pictures to try the service with: cup.jpg and logo.png."""
    data = sample_bytes(name)
    if data is None:
        raise no_picture()
    media_type = "image/png" if name.endswith(".png") else "image/jpeg"
    headers = {"Content-Disposition": _disposition(name), "Cache-Control": "public, max-age=86400"}
    return Response(data, media_type=media_type, headers=INERT | headers)


async def _redirect(store: PictureStore, published: PublishedPicture) -> Response:
    """Redirect to the bucket with a URL signed for GET, valid until the picture expires."""
    life_s = max(1, int(published.expires_at - time.time()))
    location = await store.signed_url(published.path, life_s)
    headers = {"Location": location, "Cache-Control": "private, no-store"}
    return Response(status_code=307, headers=headers)


def _matches(etag: str, if_none_match: str) -> bool:
    etags = {each.strip().removeprefix("W/") for each in if_none_match.split(",")}
    return not etags.isdisjoint({etag, "*"})


def _disposition(name: str) -> str:
    return f'inline; filename="{name}"'


def _headers(token: str, published: PublishedPicture) -> dict[str, str]:
    life_s = max(0, int(published.expires_at - time.time()))
    return {
        **INERT,
        "Content-Type": published.content_type,
        "Content-Disposition": _disposition(f"{token}.{published.content_type.partition('/')[2]}"),
        "Cache-Control": f"private, max-age={life_s}, immutable",
        "ETag": f'"{token}"',
        "Accept-Ranges": "bytes",
    }


async def _send_stored(
    request: Request, store: PictureStore, published: PublishedPicture, headers: Mapping[str, str]
) -> Response:
    size = published.file_size
    is_current = request.headers.get("if-range", headers["ETag"]) == headers["ETag"]
    part = _parse_range(request.headers.get("range", ""), size) if is_current else None
    start, end = part or (0, size)
    status = 206 if part else 200
    ranged = {"Content-Range": f"bytes {start}-{end - 1}/{size}"} if part else {}
    full = {**headers, **ranged, "Content-Length": str(end - start)}
    if request.method == "HEAD":
        await store.get_range_async(published.path, 0, 1)  # raises if the picture is gone, as for GET
        return Response(status_code=status, headers=full)
    return await send_range(store, published.path, start, end, status, full)


def _parse_range(header: str, size: int) -> tuple[int, int] | None:
    """Start and end (exclusive) of a single range (RFC 9110, section 14); None for the whole. Raises 416."""
    match = RANGE.fullmatch(header.strip())
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if first == "":
        start, end = max(0, size - int(last)), size
    elif last and int(last) < int(first):
        return None
    else:
        start, end = int(first), min(size, int(last) + 1 if last else size)
    if start >= end:
        text = f"the picture has {size} bytes: request a range within them"
        raise ApiError(ErrorCode.RANGE, text, {"Content-Range": f"bytes */{size}"})
    return start, end


async def send_range(
    store: PictureStore, path: str, start: int, end: int, status: int, headers: Mapping[str, str]
) -> Response:
    """Send bytes `start` to `end` (exclusive) of a stored picture. Raises `PictureGone`."""
    first = await store.get_range_async(path, start, min(start + CHUNK, end))
    if len(first) == end - start:
        return Response(first, status, headers=headers)
    return StreamingResponse(_chunks(store, path, first, start, end), status, headers=headers)


async def _chunks(store: PictureStore, path: str, first: bytes, start: int, end: int) -> AsyncIterator[bytes]:
    yield first
    for at in range(start + CHUNK, end, CHUNK):
        yield await store.get_range_async(path, at, min(at + CHUNK, end))
