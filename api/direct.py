"""A route whose function takes the request and makes the answer: nothing is left to solve or validate.

FastAPI documents it; its machinery for dependencies and response models would take as long as the answer.
"""

from collections.abc import Callable
from typing import Any

from fastapi.routing import APIRoute
from starlette.routing import request_response


class DirectRoute(APIRoute):
    """As `APIRoute`, for functions of the one parameter `request`."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **described: Any) -> None:
        super().__init__(path, endpoint, **described)
        self.app = request_response(endpoint)
