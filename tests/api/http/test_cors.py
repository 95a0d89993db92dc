"""CORS: which origins may call the API from a browser."""

import httpx
import pytest
from pydantic import ValidationError

from jobs.config.settings import Settings
from tests.edge import serving

SHOP = "https://shop.example"
PREFLIGHT = {
    "access-control-request-method": "POST",
    "access-control-request-headers": "content-type, idempotency-key, x-api-key, authorization",
}


@pytest.fixture(scope="module")
def client(redis_socket, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cors")
    with (
        serving(redis_socket, folder, "cli", "api", cors_origins=f"{SHOP}, http://127.0.0.1:3000") as edge,
        httpx.Client(base_url=edge.url, trust_env=False) as client,
    ):
        yield client


def cors_headers(answer):
    return {name: value for name, value in answer.headers.items() if name.startswith("access-control-")}


def test_without_configuration_no_origin_is_allowed(service):
    simple = service.client.get("/livez", headers={"origin": SHOP})
    preflight = service.client.options("/v2/superimpose", headers={"origin": SHOP, **PREFLIGHT})

    assert cors_headers(simple) == cors_headers(preflight) == {}
    assert preflight.json()["code"] == "method_not_allowed"


@pytest.mark.parametrize("origin", [SHOP, "http://127.0.0.1:3000"])
def test_an_allowed_origin_may_submit_with_its_key(client, origin):
    answer = client.options("/v2/superimpose", headers={"origin": origin, **PREFLIGHT})

    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == origin
    assert {"POST", "DELETE"} <= set(answer.headers["access-control-allow-methods"].split(", "))
    allowed = answer.headers["access-control-allow-headers"].lower().split(", ")
    assert set(allowed) >= {"x-api-key", "authorization", "content-type", "idempotency-key", "last-event-id"}
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("path", ["/livez", "/nowhere", "/v2/requests/x", "/pictures/x.png"])
def test_an_allowed_origin_may_read_every_response_and_all_headers(client, path):
    answer = client.get(path, headers={"origin": SHOP})

    assert cors_headers(answer) == {
        "access-control-allow-origin": SHOP,
        "access-control-expose-headers": "*",
    }
    assert "Origin" in answer.headers["vary"]


@pytest.mark.parametrize(
    "origin", ["https://evil.example", f"{SHOP}.evil.example", "http://shop.example", "null"]
)
def test_another_origin_is_refused(client, origin):
    preflight = client.options("/v2/superimpose", headers={"origin": origin, **PREFLIGHT})
    simple = client.get("/livez", headers={"origin": origin})

    assert (preflight.status_code, preflight.json()["code"]) == (400, "cors")
    for answer in (preflight, simple):
        assert "access-control-allow-origin" not in answer.headers


def test_a_preflight_for_an_unknown_header_is_refused(client):
    preflight = PREFLIGHT | {"access-control-request-headers": "x-evil"}

    assert client.options("/livez", headers={"origin": SHOP, **preflight}).json()["code"] == "cors"


@pytest.mark.parametrize("origins", ["shop.example", "ftp://shop.example"])
def test_a_configured_origin_without_a_scheme_is_refused_at_startup(origins):
    with pytest.raises(ValidationError, match="cors_origins"):
        Settings(cors_origins=origins)
