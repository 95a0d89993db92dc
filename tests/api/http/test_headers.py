"""Response headers: security defaults, headers of routes, and headers that are not sent."""

import asyncio

import httpx
import pytest
from fastapi import FastAPI, Request

from api import errors
from api.exception_handlers import HANDLERS
from api.http.responses import ResponseHeaders, add_response_headers, with_cors

URL = "http://10.0.0.1/a.png"
JSON_POLICY = "default-src 'none'; frame-ancestors 'none'"


@pytest.fixture(scope="module")
def request_id(service, origin):
    accepted = service.submit(base_image=f"{origin.url}/cup.jpg", overlay_image=f"{origin.url}/logo.png")
    assert service.finish(accepted).status_code == 200
    return accepted


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/livez"),
        ("HEAD", "/livez"),
        ("GET", "/openapi.json"),
        ("GET", "/nowhere"),
        ("DELETE", "/livez"),
        ("OPTIONS", "/v2/superimpose"),
        ("POST", "/v2/superimpose"),
        ("GET", "/v2/requests/{}"),
        ("GET", "/v2/requests/{}/status"),
        ("GET", "/v2/requests/unknown"),
        ("GET", "/pictures/unknown.png"),
    ],
)
def test_every_json_response_is_inert_and_not_cached(service, request_id, method, path):
    headers = service.client.request(method, path.format(request_id)).headers

    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["content-security-policy"] == JSON_POLICY
    assert headers["cache-control"] == "no-store"
    assert "server" not in headers


def test_a_picture_has_each_header_once_and_a_safe_file_name(service, request_id):
    image = service.client.get(f"/v2/requests/{request_id}").json()["images"][0]
    odd = image["url"].replace(".jpeg", '.x";%20filename="evil.html')
    etag = service.client.head(image["url"]).headers["etag"]
    answers = {
        200: service.client.get(image["url"]),
        206: service.client.get(odd, headers={"range": "bytes=0-9"}),
        304: service.client.get(image["url"], headers={"if-none-match": etag}),
    }

    for status, answer in answers.items():
        assert answer.status_code == status
        names = [name for name, _ in answer.headers.multi_items()]
        assert len(names) == len(set(names))
        assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
        assert answer.headers["cache-control"].startswith("private, max-age=")
        assert answer.headers["content-disposition"] == f'inline; filename="{image["file_name"]}"'


def test_a_picture_in_the_response_of_v1_is_inert(service):
    samples = f"{service.url}/samples"
    answer = service.client.post(
        "/v1/superimpose",
        json={"base_image": f"{samples}/cup.jpg", "overlay_image": f"{samples}/logo.png"},
    )

    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == JSON_POLICY


def test_a_sample_has_a_file_name(service):
    answer = service.client.get("/samples/cup.jpg")

    assert answer.headers["content-disposition"] == 'inline; filename="cup.jpg"'
    assert answer.headers["cache-control"] == "public, max-age=86400"


def get(app, path, **headers):
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return await client.get(path, headers=headers)

    return asyncio.run(ask())


@pytest.fixture
def broken():
    app = FastAPI(exception_handlers=HANDLERS)

    @app.get("/{status}")
    async def answer(status: int, request: Request) -> dict[str, str]:
        add_response_headers(request, {"RateLimit-Policy": "10", "Cache-Control": "private"})
        add_response_headers(request, {"X-Remaining-Credits": "7", "Retry-After": "60"})
        match status:
            case 200:
                return {}
            case 401:
                raise errors.missing_key()
            case 429:
                raise errors.ApiError(errors.ErrorCode.BUSY, "slow down", {"Retry-After": "3"})
            case _:
                raise RuntimeError

    return ResponseHeaders(with_cors(app, ["https://shop.example"]))


@pytest.mark.parametrize("status", [200, 401, 429, 500])
def test_headers_added_by_a_route_are_also_on_its_errors(broken, status):
    answer = get(broken, f"/{status}")

    assert answer.status_code == status
    assert answer.headers["ratelimit-policy"] == "10"
    assert answer.headers["x-remaining-credits"] == "7"
    assert answer.headers["cache-control"] == "private"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_headers_set_by_a_response_are_not_overwritten(broken):
    assert get(broken, "/429").headers.get_list("retry-after") == ["3"]
    assert get(broken, "/401").headers.get_list("retry-after") == ["60"]


def test_an_internal_error_can_be_read_by_an_allowed_origin(broken):
    answer = get(broken, "/500", origin="https://shop.example")

    assert answer.status_code == 500
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
