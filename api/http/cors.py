"""Which pages of other origins may call the API from a browser: none, unless configured."""

from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp

from api.http.json_response import JsonResponse

METHODS = ("GET", "HEAD", "POST")
HEADERS = (
    "x-api-key",
    "authorization",
    "content-type",
    "idempotency-key",
    "last-event-id",
    "x-start-timeout",
    "x-timeout",
)
EXPOSED = ("*",)  # keys travel in headers and never in cookies, so that the wildcard holds


class Cors(CORSMiddleware):
    """Starlette's, refusing in the protocol's form."""

    def preflight_response(self, request_headers: Headers) -> Response:
        """What a browser asks before it lets a page call us."""
        answer = super().preflight_response(request_headers)
        if answer.status_code == 200:
            return answer
        text = f"{bytes(answer.body).decode()}: SUPERIMPOSE_CORS_ORIGINS says which origins may call"
        headers = {name: value for name, value in answer.headers.items() if not name.startswith("content-")}
        return JsonResponse({"error": text, "code": "cors"}, answer.status_code, headers=headers)


def with_cors(app: ASGIApp, origins: Sequence[str]) -> ASGIApp:
    """`app` answering pages of `origins`; errors, our own faults included, among the answers."""
    if not origins:
        return app
    return Cors(app, origins, allow_methods=METHODS, allow_headers=HEADERS, expose_headers=EXPOSED)
