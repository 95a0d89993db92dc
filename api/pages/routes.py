"""The pages at / and /docs, their Content-Security-Policy, and their files."""

from functools import cache
from hashlib import sha256
from html import escape
from importlib.resources import files
from string import Template

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router

from api.errors import ApiError, ErrorCode
from api.pages import fields
from api.pages.assets import Asset, assets, version, with_imports
from api.service import origin_of, service_of
from jobs.config.settings import Settings

CACHED_FOREVER = "public, max-age=31536000, immutable"
LIMITS = ("max_input_bytes", "max_body_bytes", "max_batch_bytes")
POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",  # pictures of other sites are fetched by the service, not by the page
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)


def playground(request: Request) -> Response:
    return _send_page(request, playground_html(origin_of(request), service_of(request).settings))


def documentation(request: Request) -> Response:
    """A guide with runnable examples, and the reference in Swagger UI.

    Swagger UI, because it comes as a wheel, works under `POLICY` and has dark colours. Scalar (3.6 MB),
    Stoplight Elements (2.1 MB) and RapiDoc (0.9 MB) would need copies in the repository; ReDoc cannot send
    requests.
    """
    return _send_page(request, _template("docs").substitute(origin=escape(origin_of(request))))


def asset(request: Request) -> Response:
    """During a rolling deploy, a page of another version gets the file of this one, uncached."""
    file = assets().get(request.path_params["name"])
    if file is None:
        text = "no such file; the playground is at /, the documentation at /docs"
        raise ApiError(ErrorCode.NOT_FOUND, text)
    cache_control = CACHED_FOREVER if request.path_params["of_version"] == version() else "no-store"
    return _send(request, file, {"Cache-Control": cache_control})


def playground_html(origin: str, settings: Settings) -> str:
    limits = {name: getattr(settings, name) for name in LIMITS}
    return _playground().substitute(origin=escape(origin), **limits)


@cache
def _playground() -> Template:
    parts = {part.__name__: part() for part in (fields.base, fields.choices, fields.models)}
    return Template(_template("playground").safe_substitute(parts))


@cache
def _template(name: str) -> Template:
    """The page of this name, which loads the module `<name>.js`."""
    folder = f"assets/{version()}"
    modules = (f'<link rel="modulepreload" href="{folder}/{each}">' for each in with_imports(f"{name}.js"))
    values = {"assets": folder, "modules": "\n".join(modules)}
    head, page = (
        Template((files("api.pages") / f"{each}.html").read_text("utf-8")) for each in ("head", name)
    )
    return Template(page.safe_substitute(values, head=head.substitute(values)))


def _send_page(request: Request, text: str) -> Response:
    """Browsers cache the page, but revalidate it on each visit."""
    html = Asset(text.encode(), "text/html")
    etag = f'W/"{sha256(html.data).hexdigest()[:32]}"'  # weak: the same for both encodings
    headers = {"Content-Security-Policy": POLICY, "ETag": etag, "Cache-Control": "no-cache"}
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
