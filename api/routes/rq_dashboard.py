"""/admin/rq: RQ's dashboard, behind the admin key, if the extra `dashboard` is installed."""

import base64
from importlib.util import find_spec
from typing import Any

from fastapi import Request
from starlette.responses import RedirectResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from api.dependencies import admit_admin
from api.errors import ApiError
from api.http.responses import add_response_headers
from api.service import service_of
from jobs.config.settings import Settings

PATH = "/admin/rq"
THREADS = 2  # of its own, so that its pages block no other call
CHALLENGE = {"WWW-Authenticate": 'Basic realm="any name, and the admin key as password"'}


def routes(settings: Settings) -> list[BaseRoute]:
    if find_spec("rq_dashboard") is None:
        return []
    from a2wsgi import WSGIMiddleware  # imported late, with Flask: only the dashboard needs them

    from api.routes.rq_pages import create_pages

    wsgi: Any = create_pages(settings)  # Flask and a2wsgi type WSGI differently
    asgi: Any = WSGIMiddleware(wsgi, workers=THREADS)
    return [Route(PATH, _to_pages), Mount(PATH, AdminOnly(asgi))]


async def _to_pages(_: Request) -> RedirectResponse:
    return RedirectResponse("rq/")


class AdminOnly:
    """ASGI middleware that requires the admin key, in a header or as the password of HTTP Basic."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("state", {})
        request = Request(_with_key(scope))
        try:
            await admit_admin(request, service_of(request))
        except ApiError as refused:
            if refused.status == 401:
                add_response_headers(request, CHALLENGE)
            raise
        await self._app(scope, receive, send)


def _with_key(scope: Scope) -> Scope:
    """`scope` with the password of HTTP Basic authentication as its `x-api-key`."""
    authorization = Request(scope).headers.get("authorization", "")
    if authorization[:6].lower() != "basic ":
        return scope
    key = (b"x-api-key", _password(authorization[6:]))
    return {**scope, "headers": [key, *(field for field in scope["headers"] if field[0] != b"x-api-key")]}


def _password(encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded.strip(), validate=True).partition(b":")[2]
    except ValueError:
        return b""
