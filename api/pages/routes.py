"""GET / and the files of the playground, which a browser keeps and asks each time whether they changed."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.errors import ApiError
from api.pages.assets import Asset, assets
from api.pages.page import POLICY, render
from api.service import origin_of, service_of

router = APIRouter(include_in_schema=False)


@router.api_route("/", methods=["GET", "HEAD"])
def page(request: Request) -> Response:
    """The playground."""
    text = render(origin_of(request), service_of(request).settings)
    answer = _unless_known(request, Asset.of(text.encode(), "text/html"))
    answer.headers["Content-Security-Policy"] = POLICY
    return answer


@router.api_route("/playground/{name}", methods=["GET", "HEAD"])
def asset(name: str, request: Request) -> Response:
    """A file of the page."""
    found = assets().get(name)
    if found is None:
        raise ApiError(404, "not_found", "no such file; the playground is at /")
    return _unless_known(request, found)


def _unless_known(request: Request, asset: Asset) -> Response:
    headers = {"ETag": asset.etag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
    if asset.etag in _listed(request, "if-none-match"):
        return Response(status_code=304, headers=headers)
    if "gzip" not in _listed(request, "accept-encoding"):
        return Response(asset.data, media_type=asset.media_type, headers=headers)
    return Response(asset.packed, media_type=asset.media_type, headers=headers | {"Content-Encoding": "gzip"})


def _listed(request: Request, header: str) -> set[str]:
    return {each.strip() for each in request.headers.get(header, "").split(",")}
