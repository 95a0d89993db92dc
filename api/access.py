"""Who calls: the key they present, and what it lets them see."""

from dataclasses import dataclass

from fastapi import Request

from api.errors import invalid_key, missing_key, unknown_request
from api.service import service_of
from jobs.api_keys import ApiKey
from jobs.record import Record

BEARER = "bearer "


@dataclass(frozen=True)
class Seen:
    """A request as its owner sees it; `position` is its place in the queue, 0 = next."""

    record: Record
    position: int | None


def presented_key(request: Request) -> str:
    """The text of the key in `x-api-key` or `Authorization: Bearer`. Raises 401 without one."""
    key = request.headers.get("x-api-key", "")
    authorization = request.headers.get("authorization", "")
    if not key and authorization[: len(BEARER)].lower() == BEARER:
        key = authorization[len(BEARER) :]
    if not key.strip():
        raise missing_key()
    return key.strip()


async def caller(request: Request) -> ApiKey:
    """The valid key a call was made with. Raises 401."""
    key = await service_of(request).reader.key(presented_key(request))
    if key is None:
        raise invalid_key()
    return key


async def owned_request(request: Request) -> Seen:
    """The request in the path, for its owner. Raises 401, or 404 for anybody else's."""
    request_id: str = request.path_params["request_id"]
    reader = service_of(request).reader
    key, record, position = await reader.key_and_record(presented_key(request), request_id)
    if key is None:
        raise invalid_key()
    if record is None or record.key_id != key.key_id:
        raise unknown_request(request_id)
    return Seen(record, position)
