"""Tells callers what it sees of them, served as the API is: `python -m tests.api.http.mirror --port PORT`."""

import sys

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from api.admission import client_address
from api.service import origin_by_host
from cli.serve.listening import bind
from cli.serve.roles import serve
from jobs.config.settings import Settings


def mirror(request: Request) -> JSONResponse:
    """The caller's address, and the origin that URLs for it begin with."""
    return JSONResponse({"address": client_address(request), "origin": origin_by_host(request)})


if __name__ == "__main__":
    serve(Starlette(routes=[Route("/livez", mirror)]), Settings(), bind("127.0.0.1", int(sys.argv[-1])))
