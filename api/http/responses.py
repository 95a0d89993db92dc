"""Responses: JSON, and headers: security defaults, those added by routes, rate limits, CORS.

Strict-Transport-Security is left to the proxy, which holds the certificate.
"""

import math
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from fastapi import Request
from pydantic_core import to_json
from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import ApiError, ErrorCode
from jobs.keys.admission import Limit

Encoded = tuple[bytes, bytes]

DEFAULTS: Mapping[str, str] = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
}
"""Headers of a response that does not set them itself; suitable for JSON behind an API key."""

CORS_METHODS = ("GET", "HEAD", "POST", "DELETE")
CORS_HEADERS = (
    "x-api-key",
    "authorization",
    "content-type",
    "idempotency-key",
    "last-event-id",
    "x-start-timeout",
    "x-timeout",
)
CORS_EXPOSED = ("*",)  # the wildcard works without credentials: keys are headers, never cookies


class JsonResponse(JSONResponse):
    """JSON by pydantic's serializer, in Rust; Starlette's creates an encoder for each response."""

    def render(self, content: Any) -> bytes:
        return to_json(content)


def add_response_headers(request: Request, headers: Mapping[str, str]) -> None:
    """Add `headers` to the response of `request`, an error included."""
    request.scope.setdefault("state", {}).setdefault("response_headers", {}).update(headers)


class ResponseHeaders:
    """ASGI middleware that adds missing headers to every response."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def complete(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = _completed(message["headers"], scope.get("state", {}))
            await send(message)

        await self._app(scope, receive, complete)


def _completed(own: Iterable[Encoded], state: Mapping[str, Mapping[str, str]]) -> list[Encoded]:
    headers = list(own)
    present = {name for name, _ in headers}
    added = ENCODED | _encoded(state["response_headers"]) if "response_headers" in state else ENCODED
    return headers + [header for header in added.items() if header[0] not in present]


def _encoded(headers: Mapping[str, str]) -> dict[bytes, bytes]:
    return {name.lower().encode("latin-1"): value.encode("latin-1") for name, value in headers.items()}


ENCODED = _encoded(DEFAULTS)


def limit_headers(limit: Limit) -> dict[str, str]:
    """The headers of draft-ietf-httpapi-ratelimit-headers-10, and the vendor's own header."""
    return {
        "RateLimit-Policy": f'"{limit.bucket}";q={limit.rate.count};w={limit.rate.period_s}',
        "RateLimit": f'"{limit.bucket}";r={limit.remaining};t={math.ceil(limit.full_in_s)}',
        "x-rate-limit-reset-at-utc": _rfc3339(int(time.time() + limit.full_in_s)),
    }


@lru_cache(maxsize=64)
def _rfc3339(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Cors(CORSMiddleware):
    """Starlette's CORS middleware, with JSON errors."""

    def preflight_response(self, request_headers: Headers) -> Response:
        response = super().preflight_response(request_headers)
        if response.status_code == 200:
            return response
        text = f"{bytes(response.body).decode()}: SUPERIMPOSE_CORS_ORIGINS lists the allowed origins"
        headers = {name: value for name, value in response.headers.items() if not name.startswith("content-")}
        error = ApiError(ErrorCode.CORS, text, headers)
        return JsonResponse(error.body, error.status, headers=error.headers)


def with_cors(app: ASGIApp, origins: Sequence[str]) -> ASGIApp:
    if not origins:
        return app
    return Cors(
        app, origins, allow_methods=CORS_METHODS, allow_headers=CORS_HEADERS, expose_headers=CORS_EXPOSED
    )
