"""/docs: Swagger UI, served by ourselves under a policy that runs no other script than these two."""

import base64
import hashlib
from importlib.resources import files

from fastapi import APIRouter
from fastapi.responses import Response

from api.errors import ApiError

START = 'SwaggerUIBundle({url: "openapi.json", dom_id: "#swagger-ui", deepLinking: true})'
PAGE = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Superimpose</title>
<link rel="icon" href="docs/favicon.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script>{START}</script>
</body>
</html>
"""
START_HASH = base64.b64encode(hashlib.sha256(START.encode()).digest()).decode()
POLICY = "; ".join(
    [
        "default-src 'none'",
        f"script-src 'self' 'sha256-{START_HASH}'",
        "style-src 'self'",
        "img-src 'self' data: blob:",  # its icons, and pictures that it was answered
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)
ASSETS = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon.png": "image/png",
}

router = APIRouter(include_in_schema=False)


@router.api_route("/docs", methods=["GET", "HEAD"])
def page() -> Response:
    """The documentation, to read and to try."""
    return Response(PAGE, media_type="text/html", headers={"Content-Security-Policy": POLICY})


@router.api_route("/docs/{name}", methods=["GET", "HEAD"])
def asset(name: str) -> Response:
    """A file of the page."""
    if name not in ASSETS:
        raise ApiError(404, "not_found", "no such page; the documentation is at /docs")
    data = (files("fastapi_offline") / "static" / name).read_bytes()
    return Response(data, media_type=ASSETS[name], headers={"Cache-Control": "public, max-age=86400"})
