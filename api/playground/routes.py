"""GET / and the files of the playground, which a browser keeps and asks each time whether they changed."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.errors import ApiError
from api.playground.assets import assets, etag_of
from api.playground.page import POLICY, render
from api.service import origin_of, service_of

router = APIRouter(include_in_schema=False)


@router.get("/")
def page(request: Request) -> Response:
    """The playground."""
    data = render(origin_of(request), service_of(request).settings).encode()
    answer = _unless_known(request, data, "text/html", etag_of(data))
    answer.headers["Content-Security-Policy"] = POLICY
    return answer


@router.get("/playground/{name}")
def asset(name: str, request: Request) -> Response:
    """A file of the page."""
    found = assets().get(name)
    if found is None:
        raise ApiError(404, "not_found", "no such file; the playground is at /")
    return _unless_known(request, found.data, found.media_type, found.etag)


def _unless_known(request: Request, data: bytes, media_type: str, etag: str) -> Response:
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    known = {each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")}
    if etag in known:
        return Response(status_code=304, headers=headers)
    return Response(data, media_type=media_type, headers=headers)
