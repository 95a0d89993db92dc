"""What is told of each call when its answer has been sent."""

from collections.abc import Callable, Sequence
from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

Tell = Callable[[Scope, int, float], None]
"""Hears a call, the status of its answer (0: none was sent) and the seconds that it took."""


class AnsweredCalls:
    """ASGI middleware that tells of each call, once, when its answer has been sent."""

    def __init__(self, app: ASGIApp, tell: Sequence[Tell]) -> None:
        self._app = app
        self.tell = tell

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the call on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began_at = perf_counter()
        status = 0

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            seconds = perf_counter() - began_at
            for tell in self.tell:
                tell(scope, status, seconds)
