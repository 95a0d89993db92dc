"""Routes whose function takes the request and makes the answer: nothing is left to solve or validate.

FastAPI documents them; its layers and its machinery for dependencies would take as long as the answer.
"""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.applications import Starlette
from starlette.routing import request_response

from api.errors import HANDLERS


class DirectRoute(APIRoute):
    """As `APIRoute`, for functions of the one parameter `request`."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **described: Any) -> None:
        super().__init__(path, endpoint, **described)
        self.app = request_response(endpoint)


def short_cut(app: FastAPI) -> Starlette:
    """`app`, with its direct routes in front of it."""
    direct = [route for route in app.routes if isinstance(route, DirectRoute)]
    front = Starlette(routes=direct, exception_handlers=HANDLERS, lifespan=app.router.lifespan_context)
    front.router.default = app
    front.router.redirect_slashes = False
    front.state = app.state
    return front
