"""Headers of every answer: those that keep browsers from doing more with it, and those a route adds.

Strict-Transport-Security is missing on purpose: it is for whoever holds the certificate, the proxy.
"""

from collections.abc import Iterable, Mapping

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

Encoded = tuple[bytes, bytes]

DEFAULTS: Mapping[str, str] = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
}
"""For an answer that says nothing else; right for JSON that a key unlocks."""


def add_to_answer(request: Request, headers: Mapping[str, str]) -> None:
    """Put `headers` on whatever `request` is answered with, an error included."""
    request.scope.setdefault("state", {}).setdefault("answer_headers", {}).update(headers)


class AnswerHeaders:
    """ASGI middleware that completes the headers of every answer; what an answer says itself stays."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the call on."""
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
    wanted = ENCODED | _encoded(state["answer_headers"]) if "answer_headers" in state else ENCODED
    return headers + [header for header in wanted.items() if header[0] not in present]


def _encoded(headers: Mapping[str, str]) -> dict[bytes, bytes]:
    return {name.lower().encode("latin-1"): value.encode("latin-1") for name, value in headers.items()}


ENCODED = _encoded(DEFAULTS)
