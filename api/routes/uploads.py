"""Uploads: pictures stored for a while, whose URLs can be used in requests of the same key."""

from collections.abc import AsyncGenerator, Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field
from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from api.dependencies import KEY, Origin, ServiceDep, Uploader
from api.http.body import media_type, read_body, read_json, reserve_memory
from api.http.validation import Fault, bad_request, fault, validate_body
from api.openapi import describe_body
from api.schemas import PICTURE, errors
from api.service import Service
from compositor import CompositorError, identify
from jobs.pictures import inputs

router = APIRouter(tags=["uploads"], dependencies=KEY)

MAX_FILES = 20

Files = Mapping[str, bytes]  # pictures by field

FILES: dict[str, Any] = {
    "type": "object",
    "properties": {"file": {"type": "array", "items": {"type": "string", "format": "binary"}}},
    "required": ["file"],
}


class Uploaded(BaseModel):
    """Uploaded pictures, in the order they were sent, as URLs that requests can name."""

    file_urls: list[str] = Field(examples=[[PICTURE]])
    urls: list[str] = Field(description="the same", examples=[[PICTURE]])
    message: str


class UploadRequest(BaseModel):
    """Pictures to upload."""

    model_config = ConfigDict(extra="forbid")

    data_urls: list[str] = Field(
        min_length=1, max_length=20, examples=[["data:image/png;base64,iVBORw0KGgo="]]
    )


@router.post(
    "/upload-asset",
    summary="Upload pictures",
    responses=errors(400, 403, 413, 415),
    openapi_extra=describe_body(UploadRequest, {"multipart/form-data": {"schema": FILES}}),
)
async def upload(request: Request, service: ServiceDep, key: Uploader, origin: Origin) -> Uploaded:
    """Store pictures, and respond with URLs for requests of this key."""
    read = _multipart if media_type(request) == "multipart/form-data" else _data_urls
    async with reserve_memory(request, service.body_memory, key.key_id):
        files = await read(request, service)
        names = await service.store_threads.run(_store, service, key.key_id, files)
    urls = [f"{origin}/pictures/{name}" for name in names]
    return Uploaded(file_urls=urls, urls=urls, message=f"{len(urls)} pictures stored")


def _store(service: Service, key_id: str, files: Files) -> list[str]:
    types, faults = {}, []
    for field, data in files.items():
        try:
            types[field] = _content_type(identify(data, field, service.picture_limits))
        except CompositorError as error:
            faults.append(fault(field, str(error).removeprefix(f"{field}: ")))
    if faults:
        raise bad_request(*faults)
    return service.uploads.add(key_id, [(data, types[field]) for field, data in files.items()])


def _content_type(format: str) -> str:
    return "image/jp2" if format == "JPEG2000" else f"image/{format.lower()}"


async def _data_urls(request: Request, service: Service) -> Files:
    body = await read_json(request, service.settings.max_body_bytes)
    return await run_in_threadpool(_decode, body, service.settings.max_input_bytes)


def _decode(body: bytes, max_bytes: int) -> Files:
    files: dict[str, bytes] = {}
    faults: list[Fault] = []
    for number, text in enumerate(validate_body(body, UploadRequest).data_urls):
        try:
            files[f"data_urls[{number}]"] = inputs.decode_inline(text, max_bytes)
        except inputs.InvalidInput as error:
            faults.append(fault(f"data_urls[{number}]", str(error)))
    if faults:
        raise bad_request(*faults)
    return files


async def _multipart(request: Request, service: Service) -> Files:
    form = await parse_form(request.headers, await read_body(request, service.settings.max_body_bytes))
    parts = [part for _, part in form.multi_items() if isinstance(part, UploadFile)]
    files = {f"file.{number}": await part.read() for number, part in enumerate(parts)}
    await form.close()
    if not files:
        raise bad_request(fault("body", "has no file: send at least one part with a filename"))
    return files


async def parse_form(headers: Headers, body: bytes) -> FormData:
    """The parts of a form, all in memory. Raises 400."""
    _, options = parse_options_header(headers["content-type"])
    if options.get(b"charset", b"utf-8").lower() != b"utf-8":  # punycode takes minutes for a megabyte
        raise bad_request(fault("body", "is a form with a charset other than UTF-8: leave the charset out"))
    parser = MultiPartParser(headers, _one_chunk(body), max_files=MAX_FILES, max_fields=MAX_FILES)
    parser.spool_max_size = 0  # never to disk, of which a container may have less than of memory
    try:
        return await parser.parse()
    except MultiPartException as error:
        raise bad_request(fault("body", f"is not a form with files: {error.message}")) from None


async def _one_chunk(body: bytes) -> AsyncGenerator[bytes, None]:
    yield body
