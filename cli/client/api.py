"""The calls of the API that making a picture takes."""

import json
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, BinaryIO

import httpx

from cli.client.calls import Calls, OnPause, may_change, retry_after_s
from cli.client.errors import Refused, Unreachable
from cli.client.server import Server

ANSWER_S = 30
"""Time limit of an answer, on top of the `wait` of the call."""
CANCEL_S = 3
BATCH_ANSWER_S = 120
"""The same of a batch, whose requests are all accepted before it."""
NOT_OURS = "is --server the address of this service?"

NO_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=None)
"""As many as there are callers; with fewer, polls that are held back would keep the others waiting."""

JsonObject = dict[str, Any]


class Api:
    """A server, called with a key. Methods raise `Refused` and `Unreachable`."""

    def __init__(self, calls: Calls, key: str) -> None:
        self._calls = calls
        self._key = {"x-api-key": key}

    @classmethod
    @asynccontextmanager
    async def open(cls, server: Server, key: str, on_pause: OnPause) -> AsyncIterator["Api"]:
        """A client with connections that are kept; closes them at the end."""
        async with httpx.AsyncClient(
            base_url=server.url,
            timeout=ANSWER_S,
            trust_env=not server.is_here,
            limits=NO_LIMITS,
        ) as http:
            yield cls(Calls(http, on_pause), key)

    async def submit(self, model: str, body: Mapping[str, Any], idempotency_key: str) -> str:
        """Submit, and return the request's id; the same again is the same request."""
        headers = {"Idempotency-Key": idempotency_key, "Content-Type": "application/json"}
        content = json.dumps(body).encode()
        submitted = await self._asked("POST", f"/v2/{model}", headers=headers, content=content)
        return str(part(submitted, "request_id"))

    async def submit_batch(
        self, model: str, lines: AsyncIterable[bytes], idempotency_key: str, waits_for_room: bool
    ) -> JsonObject:
        """Submit NDJSON, whose `lines` can be read again; the same again is the same batch.

        Where the queue has no room for it and it does not wait, `Refused` with `queue_full`.
        """
        headers = self._key | {"Idempotency-Key": idempotency_key, "Content-Type": "application/x-ndjson"}
        answer = await self._calls.call(
            "POST",
            f"/v2/{model}/batch",
            headers=headers,
            content=lines,
            timeout=BATCH_ANSWER_S,
            again=may_change if waits_for_room else _may_have_room,
        )
        if answer.status_code == httpx.codes.REQUEST_ENTITY_TOO_LARGE:  # perhaps a proxy's, without JSON
            raise Refused(answer.status_code, "body_too_large", "it is larger than the server takes")
        submitted = checked(answer, read_json(answer))
        part(submitted, "batch_id")
        return submitted

    async def batch(self, batch_id: str, wait_s: int) -> JsonObject:
        """How a batch is getting on; a server that can waits for its end."""
        params, timeout = {"wait": wait_s}, wait_s + ANSWER_S
        found = await self._asked("GET", f"/v2/batches/{batch_id}", params=params, timeout=timeout)
        part(found, "request_counts", "completed")
        return found

    async def batch_requests(self, batch_id: str, offset: int, limit: int) -> list[JsonObject]:
        """Some requests of a batch, in their order."""
        query = {"offset": offset, "limit": limit}
        found = await self._asked("GET", f"/v2/batches/{batch_id}/requests", params=query)
        return list(part(found, "requests"))

    async def cancel_batch(self, batch_id: str) -> JsonObject:
        """End those of its requests that wait; of one that has ended already, `Refused`."""
        return await self._cancelled(f"/v2/batches/{batch_id}")

    async def status(self, request_id: str, wait_s: int) -> JsonObject:
        """Where a request stands, FAILED too; a server that can waits for news of it."""
        path = f"/v2/requests/{request_id}/status"
        answer = await self._calls.call(
            "GET", path, headers=self._key, params={"wait": wait_s}, timeout=wait_s + ANSWER_S
        )
        body = read_json(answer)
        if body.get("status") != "FAILED":
            part(checked(answer, body), "status")
        return body

    async def result(self, request_id: str) -> JsonObject:
        result = await self._asked("GET", f"/v2/requests/{request_id}")
        part(result, "images", 0, "file_name")
        return result

    async def picture(self, file_name: str, into: BinaryIO) -> None:
        """Write a picture to a file; a bucket that it is redirected to does not get the key."""
        answer = await self._calls.call("GET", f"/pictures/{file_name}", into=into)
        if answer.is_redirect:
            answer = await self._calls.call("GET", answer.headers["location"], into=into)
        if answer.status_code != httpx.codes.OK:
            checked(answer, read_json(answer))

    async def cancel(self, request_id: str) -> JsonObject:
        """End a request; of one that has ended already, `Refused`."""
        return await self._cancelled(f"/v2/requests/{request_id}")

    async def upload(self, path: Path) -> str:
        """Upload a file, and return the URL that requests can name it by. Raises OSError."""
        with path.open("rb") as file:
            sent = await self._asked("POST", "/upload-asset", files={"file": ("picture", file)})
        return str(part(sent, "file_urls", 0))

    async def credits(self) -> JsonObject:
        """What the key can spend; `Refused` with 401 if it is not valid."""
        return await self._asked("GET", "/v1/get-user-credits")

    async def _cancelled(self, path: str) -> JsonObject:
        return await self._asked("POST", f"{path}/cancel", patience_s=CANCEL_S, timeout=CANCEL_S)

    async def _asked(
        self, method: str, path: str, headers: Mapping[str, str] = {}, **request: Any
    ) -> JsonObject:
        answer = await self._calls.call(method, path, headers={**self._key, **headers}, **request)
        return checked(answer, read_json(answer))


def _may_have_room(answer: httpx.Response) -> bool:
    return may_change(answer) and b'"queue_full"' not in answer.content


def read_json(answer: httpx.Response) -> JsonObject:
    """The object that an answer is. Raises `Unreachable` for one that is not this service's."""
    try:
        body = answer.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Unreachable(f"the server answers {answer.status_code} and no JSON: {NOT_OURS}")
    return body


def part(body: JsonObject, *path: str | int) -> Any:
    """What stands there in an answer. Raises `Unreachable` if nothing does."""
    found: Any = body
    try:
        for step in path:
            found = found[step]
    except (LookupError, TypeError):
        raise Unreachable(f"the server's answer has no {path[0]}: {NOT_OURS}") from None
    return found


def checked(answer: httpx.Response, body: JsonObject) -> JsonObject:
    """The body of a 200. Raises `Refused` for another status."""
    if answer.status_code != httpx.codes.OK:
        error = str(body.get("error", f"the server answers {answer.status_code}"))
        code, faults = str(body.get("code", "")), body.get("errors") or ()
        raise Refused(answer.status_code, code, error, faults, retry_after_s(answer.headers))
    return body
