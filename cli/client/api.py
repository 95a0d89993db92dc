"""The API calls of `superimpose run`."""

import json
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, BinaryIO, Literal

import httpx

from cli.client.calls import Calls, OnPause, is_retryable, retry_after_s
from cli.client.errors import Refused, Unreachable
from cli.client.server import Server

REPLY_TIMEOUT_S = 30
"""Added to the `wait` of a long poll."""
CANCEL_TIMEOUT_S = 3
BATCH_REPLY_TIMEOUT_S = 120
"""The server replies to a batch once it has accepted all of its requests."""
WRONG_SERVER = "is --server the address of this service?"

NO_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=None)
"""With fewer connections than callers, long polls would block the other calls."""

JsonObject = dict[str, Any]


class Api:
    """Calls one server with one key. Methods raise `Refused` and `Unreachable`."""

    def __init__(self, calls: Calls, key: str) -> None:
        self._calls = calls
        self._key = {"x-api-key": key}

    @classmethod
    @asynccontextmanager
    async def open(cls, server: Server, key: str, on_pause: OnPause) -> AsyncIterator["Api"]:
        async with httpx.AsyncClient(
            base_url=server.url, timeout=REPLY_TIMEOUT_S, trust_env=not server.is_here, limits=NO_LIMITS
        ) as http:
            yield cls(Calls(http, on_pause), key)

    async def submit(self, model: str, body: Mapping[str, Any], idempotency_key: str) -> str:
        """Submit a request and return its id; repeating the same call returns the same request."""
        headers = {"Idempotency-Key": idempotency_key, "Content-Type": "application/json"}
        content = json.dumps(body).encode()
        submitted = await self._call("POST", f"/v2/{model}", headers=headers, content=content)
        return str(lookup(submitted, "request_id"))

    async def submit_batch(
        self, model: str, lines: AsyncIterable[bytes], idempotency_key: str, wait_for_capacity: bool
    ) -> JsonObject:
        """Submit NDJSON; repeating the same call returns the same batch, so `lines` must be iterable again.

        Without `wait_for_capacity` a full queue raises `Refused` with `queue_full`.
        """
        headers = self._key | {"Idempotency-Key": idempotency_key, "Content-Type": "application/x-ndjson"}
        response = await self._calls.call(
            "POST",
            f"/v2/{model}/batch",
            headers=headers,
            content=lines,
            timeout=BATCH_REPLY_TIMEOUT_S,
            should_retry=is_retryable if wait_for_capacity else _is_retryable_unless_full,
        )
        if response.status_code == httpx.codes.REQUEST_ENTITY_TOO_LARGE:  # perhaps a proxy's, without JSON
            raise Refused(response.status_code, "body_too_large", "it is larger than the server takes")
        submitted = checked(response)
        lookup(submitted, "batch_id")
        return submitted

    async def batch(self, batch_id: str, wait_s: int) -> JsonObject:
        """The batch's progress; the server may hold the reply for `wait_s` until the batch finishes."""
        params, timeout = {"wait": wait_s}, wait_s + REPLY_TIMEOUT_S
        found = await self._call("GET", f"/v2/batches/{batch_id}", params=params, timeout=timeout)
        lookup(found, "request_counts", "completed")
        return found

    async def batch_requests(self, batch_id: str, offset: int, limit: int) -> list[JsonObject]:
        query = {"offset": offset, "limit": limit}
        found = await self._call("GET", f"/v2/batches/{batch_id}/requests", params=query)
        return list(lookup(found, "requests"))

    async def status(self, request_id: str, wait_s: int) -> JsonObject:
        """A request's status, also if it FAILED; the server may hold the reply until it changes."""
        path = f"/v2/requests/{request_id}/status"
        response = await self._calls.call(
            "GET", path, headers=self._key, params={"wait": wait_s}, timeout=wait_s + REPLY_TIMEOUT_S
        )
        body = read_json(response)
        if body.get("status") != "FAILED":
            lookup(checked(response), "status")
        return body

    async def result(self, request_id: str) -> JsonObject:
        result = await self._call("GET", f"/v2/requests/{request_id}")
        lookup(result, "images", 0, "file_name")
        return result

    async def picture(self, file_name: str, into: BinaryIO) -> None:
        """Write a picture to a file. A redirect to a bucket is followed without the API key."""
        response = await self._calls.call("GET", f"/pictures/{file_name}", into=into)
        if response.is_redirect:
            response = await self._calls.call("GET", response.headers["location"], into=into)
        if response.status_code != httpx.codes.OK:
            checked(response)

    async def cancel(self, kind: Literal["requests", "batches"], its_id: str) -> JsonObject:
        """Cancel a request, or the queued requests of a batch; a finished one raises `Refused`."""
        return await self._call(
            "POST", f"/v2/{kind}/{its_id}/cancel", total_timeout_s=CANCEL_TIMEOUT_S, timeout=CANCEL_TIMEOUT_S
        )

    async def upload(self, path: Path) -> str:
        """Upload a file and return its URL for use in requests. Raises OSError."""
        with path.open("rb") as file:
            sent = await self._call("POST", "/upload-asset", files={"file": ("picture", file)})
        return str(lookup(sent, "file_urls", 0))

    async def _call(
        self, method: str, path: str, headers: Mapping[str, str] = {}, **request: Any
    ) -> JsonObject:
        response = await self._calls.call(method, path, headers={**self._key, **headers}, **request)
        return checked(response)


def _is_retryable_unless_full(response: httpx.Response) -> bool:
    return is_retryable(response) and b'"queue_full"' not in response.content


def read_json(response: httpx.Response) -> JsonObject:
    """The JSON object in a response. Raises `Unreachable` if the body is anything else."""
    try:
        body = response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Unreachable(f"the server answers {response.status_code} without JSON: {WRONG_SERVER}")
    return body


def lookup(body: JsonObject, *path: str | int) -> Any:
    """The value at `path` in a response body. Raises `Unreachable` if it is missing."""
    found: Any = body
    try:
        for step in path:
            found = found[step]
    except (LookupError, TypeError):
        raise Unreachable(f"the server's answer has no {path[0]}: {WRONG_SERVER}") from None
    return found


def checked(response: httpx.Response) -> JsonObject:
    """The JSON object of a 200. Raises `Refused` for another status."""
    body = read_json(response)
    if response.status_code != httpx.codes.OK:
        error = str(body.get("error", f"the server answers {response.status_code}"))
        code, faults = str(body.get("code", "")), body.get("errors") or ()
        raise Refused(response.status_code, code, error, faults, retry_after_s(response.headers))
    return body
