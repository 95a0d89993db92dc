"""Fuzzes the service by its OpenAPI document: no 5xx and no undocumented response."""

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.app import create_app
from jobs.config.settings import Settings
from tests.stack import KEY, Stack, empty_database, environment, running

ADMIN_KEY = "admin-key-of-the-schema-fuzz"
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    allow_header_conformance,
]

DOCUMENT = schemathesis.openapi.from_dict(create_app(Settings(admin_key=ADMIN_KEY)).openapi())
OPERATIONS = {found.ok().label: found.ok() for found in DOCUMENT.get_all_operations()}


@pytest.fixture(scope="module")
def stack(redis_socket, tmp_path_factory):
    rates = {f"rate_limit{name}": "unlimited" for name in ("", "_reads", "_lists", "_uploads", "_anonymous")}
    directory = tmp_path_factory.mktemp("schema")
    env = environment(
        empty_database(redis_socket, 13),
        directory,
        admin_key=ADMIN_KEY,
        fetch_timeout_s=1,
        sync_timeout_s=5,
        **rates,
    )
    with running(env, workers=1) as stack:
        yield stack


def headers_for(operation: APIOperation) -> dict[str, str]:
    return {"x-api-key": ADMIN_KEY if operation.path.startswith("/admin") else KEY}


def modes(operation: APIOperation) -> list[GenerationMode]:
    """Valid calls, and invalid ones unless every text is valid, as for names."""
    return [GenerationMode.POSITIVE] if "{name}" in operation.path else list(GenerationMode)


@pytest.mark.parametrize(
    ("label", "mode"), [(label, mode) for label, operation in OPERATIONS.items() for mode in modes(operation)]
)
def test_responses_are_documented_and_never_5xx(stack, label, mode):
    operation = OPERATIONS[label]

    @settings(
        max_examples=20,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def conforms(case):
        case.call_and_validate(base_url=stack.url, headers=headers_for(operation), checks=CHECKS)

    conforms()


@pytest.fixture(scope="module")
def real(stack: Stack) -> dict[str, str]:
    """Existing resources by path parameter."""
    samples = {
        f"{name}_image": f"{stack.url}/samples/{file}"
        for name, file in (("base", "cup.jpg"), ("overlay", "logo.png"))
    }
    done, failed = stack.submit(**samples), stack.submit(**samples | {"mask": "AAAA"})
    for request_id in (done, failed):
        stack.finish(request_id)
    picture = stack.client.get(f"/v2/requests/{done}").json()["images"][0]["file_name"]
    batch = stack.client.post(
        "/v2/superimpose/batch", json={"requests": [samples, samples | {"mask": "AAAA"}]}
    )
    batch_id = batch.json()["batch_id"]
    ended = stack.client.get(f"/v2/batches/{batch_id}", params={"wait": 30}).json()
    made = stack.client.post("/admin/keys", json={"name": "real"}, headers={"x-api-key": ADMIN_KEY})
    return {
        "done": done,
        "failed": failed,
        "picture": picture,
        "batch": batch_id,
        "archive": ended["zip_url"].rpartition("/")[2],
        "key": made.json()["key_id"],
    }


@pytest.mark.parametrize(
    ("label", "parameter", "thing", "status"),
    [
        ("GET /v2/requests/{request_id}", "request_id", "done", 200),
        ("GET /v2/requests/{request_id}", "request_id", "failed", 422),
        ("GET /v2/requests/{request_id}/status", "request_id", "done", 200),
        ("GET /v2/requests/{request_id}/status", "request_id", "failed", 422),
        ("GET /v2/requests/{request_id}/status/stream", "request_id", "done", 200),
        ("GET /v2/requests/{request_id}/status/stream", "request_id", "failed", 200),
        ("POST /v2/requests/{request_id}/cancel", "request_id", "done", 409),
        ("POST /v2/requests/{request_id}/retry", "request_id", "done", 200),
        ("GET /pictures/{name}", "name", "picture", 200),
        ("GET /v2/batches/{batch_id}", "batch_id", "batch", 200),
        ("GET /v2/batches/{batch_id}/requests", "batch_id", "batch", 200),
        ("GET /v2/batches/{batch_id}/results", "batch_id", "batch", 200),
        ("POST /v2/batches/{batch_id}/cancel", "batch_id", "batch", 409),
        ("GET /archives/{name}", "name", "archive", 200),
        ("GET /admin/keys/{key_id}", "key_id", "key", 200),
        ("DELETE /admin/keys/{key_id}", "key_id", "key", 200),
        ("DELETE /v2/requests/{request_id}", "request_id", "failed", 204),
    ],
)
def test_existing_resources_match_the_document(stack, real, label, parameter, thing, status):
    operation = OPERATIONS[label]
    case = operation.Case(path_parameters={parameter: real[thing]})

    answer = case.call_and_validate(base_url=stack.url, headers=headers_for(operation), checks=CHECKS)

    assert answer.status_code == status
