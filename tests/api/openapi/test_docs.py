"""/docs works in a real browser under its own policy, and can be switched off."""

import re

import httpx
import pytest

from api.pages import routes as pages
from api.routes import health, metrics
from tests.browser import visit
from tests.edge import serving

PAGES = (
    "/docs",
    "/openapi.json",
    "/",
    "/assets/0/playground.js",
    "/assets/0/swagger-ui-bundle.js",
    "/assets/0/icon.svg",
    "/assets/0/theme.css",
)


@pytest.fixture(scope="module")
def without_docs(redis_socket, tmp_path_factory):
    with (
        serving(redis_socket, tmp_path_factory.mktemp("docs"), "cli", "api", docs=False) as edge,
        httpx.Client(base_url=edge.url, trust_env=False) as client,
    ):
        yield client


def test_swagger_ui_shows_every_path_in_a_browser(service, chromium, tmp_path):
    flags = ("--enable-logging=stderr", "--virtual-time-budget=20000")
    done = visit(chromium, tmp_path, f"{service.url}/docs", *flags)
    shown = set(re.findall(r'data-path="([^"]+)"', done.stdout))

    assert shown == set(service.client.get("/openapi.json").json()["paths"])
    assert "Content Security Policy" not in done.stderr  # the browser reports violations there


def test_the_page_runs_only_its_own_scripts(service):
    policy = service.client.get("/docs").headers["content-security-policy"]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))

    assert rules["default-src"] == "'none'"
    assert (rules["script-src"], rules["style-src"]) == ("'self'", "'self'")
    assert rules["frame-ancestors"] == "'none'"


@pytest.mark.parametrize("path", PAGES)
def test_pages_have_their_content_types(service, path):
    answer = service.client.get(path)

    assert answer.status_code == 200
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", [*PAGES, "/livez", "/readyz", "/health", "/nowhere"])
def test_head_is_answered_as_get_without_the_body(service, path):
    got, head = service.client.get(path), service.client.head(path)

    assert (head.status_code, head.content) == (got.status_code, b"")
    assert {**head.headers, "date": ""} == {**got.headers, "date": ""}


@pytest.mark.parametrize("part", [health, metrics, pages])
def test_every_page_and_probe_accepts_head(part):
    assert {route.path for route in part.router.routes if "HEAD" not in route.methods} == set()


@pytest.mark.parametrize("path", PAGES)
def test_with_docs_off_the_path_is_unknown(without_docs, path):
    answer, unknown = without_docs.get(path), without_docs.get("/nowhere")

    assert (answer.status_code, answer.text) == (404, unknown.text)
    assert "/docs" not in answer.text
