"""GET /, GET /docs, and the files of both pages."""

from hashlib import sha256

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router

from api.errors import ApiError
from api.pages import page
from api.pages.assets import Asset, assets, version
from api.service import origin_of, service_of

CACHED_FOREVER = "public, max-age=31536000, immutable"


def playground(request: Request) -> Response:
    return _page(request, page.playground(origin_of(request), service_of(request).settings))


def documentation(request: Request) -> Response:
    return _page(request, page.documentation(origin_of(request)))


def asset(request: Request) -> Response:
    """During a rolling deploy, a page of another version gets the file of this one, uncached."""
    file = assets().get(request.path_params["name"])
    if file is None:
        raise ApiError(404, "not_found", "no such file; the playground is at /, the documentation at /docs")
    cache_control = CACHED_FOREVER if request.path_params["of_version"] == version() else "no-store"
    return _send(request, file, {"Cache-Control": cache_control})


def _page(request: Request, text: str) -> Response:
    """Browsers cache the page, but revalidate it on each visit."""
    html = Asset(text.encode(), "text/html")
    etag = f'W/"{sha256(html.data).hexdigest()[:32]}"'  # weak: the same for both encodings
    headers = {"Content-Security-Policy": page.POLICY, "ETag": etag, "Cache-Control": "no-cache"}
    if etag in _list_header(request, "if-none-match"):
        return Response(status_code=304, headers={**headers, "Vary": "Accept-Encoding"})
    return _send(request, html, headers)


def _send(request: Request, asset: Asset, headers: dict[str, str]) -> Response:
    headers = {**headers, "Vary": "Accept-Encoding"}
    if "gzip" not in _list_header(request, "accept-encoding"):
        return Response(asset.data, media_type=asset.media_type, headers=headers)
    encoded = {**headers, "Content-Encoding": "gzip"}
    return Response(asset.compressed, media_type=asset.media_type, headers=encoded)


def _list_header(request: Request, header: str) -> set[str]:
    return {each.strip() for each in request.headers.get(header, "").split(",")}


router = Router(
    [Route("/", playground), Route("/docs", documentation), Route("/assets/{of_version}/{name:path}", asset)]
)
