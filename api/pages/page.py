"""The HTML of / and /docs, and their Content-Security-Policy."""

import re
from functools import cache
from html import escape
from importlib.resources import files
from string import Template

from api.pages import fields
from api.pages.assets import version, with_imports
from jobs.config.settings import Settings

MODULE = re.compile(r'<script type="module" src="\$assets/([^"]+)">')
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


def playground(origin: str, settings: Settings) -> str:
    limits = {
        name: getattr(settings, name) for name in ("max_input_bytes", "max_body_bytes", "max_batch_bytes")
    }
    return _playground().substitute(origin=escape(origin), **limits)


def documentation(origin: str) -> str:
    """The page at /docs: a guide with runnable examples, and the reference in Swagger UI.

    Swagger UI, because it comes as a wheel, works under `POLICY` and has dark colours. Scalar (3.6 MB),
    Stoplight Elements (2.1 MB) and RapiDoc (0.9 MB) would need copies in the repository; ReDoc cannot send
    requests.
    """
    return _template("docs.html").substitute(origin=escape(origin))


@cache
def _playground() -> Template:
    """The page with the forms of all models, rendered once."""
    parts = {part.__name__: part() for part in (fields.base, fields.choices, fields.models)}
    return Template(_template("playground.html").safe_substitute(parts))


@cache
def _template(name: str) -> Template:
    text = (files("api.pages") / name).read_text("utf-8")
    folder, [entry] = f"assets/{version()}", MODULE.findall(text)
    links = (f'<link rel="modulepreload" href="{folder}/{each}">' for each in with_imports(entry))
    return Template(Template(text).safe_substitute(assets=folder, modules="\n".join(links)))
