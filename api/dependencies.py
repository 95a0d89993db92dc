"""Dependencies of the routes that FastAPI runs; a `PlainRoute` calls the functions behind them itself."""

import hmac
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Path, Request, Security
from fastapi.security import APIKeyHeader, HTTPBearer
from pydantic import BaseModel

from api import errors
from api.admission import RequestState, admit, presented_key, read_owned_request
from api.http.body import read_json
from api.http.validation import validate_body
from api.service import Service, origin_of, service_of
from jobs.keys.admission import Bucket, Caller
from jobs.keys.key_rules import Scope, digest

KEY = [
    Security(APIKeyHeader(name="x-api-key", scheme_name="x-api-key", auto_error=False)),
    Security(HTTPBearer(scheme_name="bearer", auto_error=False)),
]
"""`dependencies` of a route that needs a key, for the document; `presented_key` reads the key."""

RecordId = Annotated[str, Path(json_schema_extra={"format": "uuid"})]

M = TypeVar("M", bound=BaseModel)


async def get_service(request: Request) -> Service:
    return service_of(request)


async def get_origin(request: Request) -> str:
    """The origin of the URLs in responses. Raises 400 for an invalid Host header."""
    return origin_of(request)


ServiceDep = Annotated[Service, Depends(get_service)]
Origin = Annotated[str, Depends(get_origin)]


def admitted(bucket: Bucket, scope: Scope | None = None) -> Any:
    """A dependency: the caller, who has `scope`. Raises 401, 403, 429."""

    async def admit_caller(request: Request, service: ServiceDep) -> Caller:
        return await admit(request, service, bucket, scope)

    return Depends(admit_caller)


Reader = Annotated[Caller, admitted(Bucket.READ)]
Uploader = Annotated[Caller, admitted(Bucket.UPLOAD, Scope.UPLOAD)]
WebhookOwner = Annotated[Caller, admitted(Bucket.READ, Scope.SUPERIMPOSE)]


async def admit_admin(request: Request, service: ServiceDep) -> None:
    """Raises 401, 403, 429."""
    presented = digest(presented_key(request))
    if not hmac.compare_digest(presented, digest(service.settings.admin_key or "")):
        await admit(request, service, Bucket.READ)
        raise errors.not_admin()


async def get_owned_request(request: Request, service: ServiceDep, request_id: RecordId) -> RequestState:
    """Raises 401, 429, and 404 for the request of another key."""
    return await read_owned_request(request, service, request_id)


OwnedRequest = Annotated[RequestState, Depends(get_owned_request)]


def json_body(model: type[M]) -> Any:
    """A dependency that reads the body as a `model`. Raises 400 with all faults, 413, 415.

    FastAPI reads a declared body before it runs any dependency, and so before the key is checked.
    """

    async def read(request: Request, service: ServiceDep) -> M:
        return validate_body(await read_json(request, service.settings.max_body_bytes), model)

    return Depends(read)
