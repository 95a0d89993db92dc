"""The document at /, and the policy it runs under."""

from functools import cache
from html import escape
from importlib.resources import files
from string import Template

from api.pages import fields
from api.pages.assets import assets, version
from jobs.config.settings import Settings

POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",  # no other sites: a picture there is fetched by the service, not shown
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)


def render(origin: str, settings: Settings) -> str:
    """The page of the service reached at `origin`."""
    return _template().substitute(origin=escape(origin), max_input_bytes=settings.max_input_bytes)


@cache
def _template() -> Template:
    """The page with its form and its modules, which are the same for everybody."""
    text = (files("api.pages") / "playground.html").read_text("utf-8")
    folder = f"assets/{version()}"
    preloads = "\n".join(
        f'<link rel="modulepreload" href="{folder}/{name}">' for name in assets() if name.endswith(".js")
    )
    parts = {"assets": folder, "preloads": preloads, "slots": fields.slots(), "groups": fields.groups()}
    return Template(Template(text).safe_substitute(parts))
