"""The OpenAPI document and the page that shows it."""

import json

import httpx
import pytest
from openapi_spec_validator import validate

from api.submit_body import BODIES
from compositor import SuperimposeRequest
from jobs.lifecycle.options import RequestOptions


@pytest.fixture(scope="module")
def document(service):
    return service.client.get("/openapi.json").json()


READS = {"200", "401", "429", "500", "502"}
SUBMITS = {"200", "400", "401", "403", "406", "409", "413", "415", "429", "500", "502"}
OPERATIONS = [
    ("/v2/superimpose", "post", SUBMITS),
    ("/v1/superimpose", "post", SUBMITS | {"504"}),
    ("/v2/requests/{request_id}", "get", READS | {"400", "404", "422"}),
    ("/v2/requests/{request_id}/status", "get", READS | {"400", "404", "422"}),
    ("/v2/requests/{request_id}/status/stream", "get", READS | {"204", "400", "404"}),
    ("/v2/requests/{request_id}/cancel", "post", READS | {"404", "409"}),
    ("/v2/requests", "get", READS | {"400"}),
    ("/v2/requests/{request_id}/retry", "post", READS | {"400", "403", "404", "406", "409"}),
    ("/v2/requests/{request_id}", "delete", {"204", "401", "404", "409", "429", "500", "502"}),
    ("/v2/requests/{request_id}/webhook", "get", READS | {"404"}),
    ("/v2/requests/{request_id}/webhook/redeliver", "post", READS - {"200"} | {"202", "404", "409"}),
    ("/v1/webhooks/default/secret", "get", READS | {"400", "403"}),
    ("/v2/webhooks/secret/rotate", "post", READS | {"400", "403", "413", "415"}),
    ("/v1/get-user-credits", "get", READS),
    ("/v2/superimpose/batch", "post", SUBMITS),
    ("/v2/superimpose-v2/batch", "post", SUBMITS),
    ("/v2/batches", "get", READS | {"400"}),
    ("/v2/batches/{batch_id}", "get", READS | {"400", "404"}),
    ("/v2/batches/{batch_id}/requests", "get", READS | {"400", "404"}),
    ("/v2/batches/{batch_id}/results", "get", READS | {"400", "404"}),
    ("/v2/batches/{batch_id}/cancel", "post", READS | {"400", "404", "409"}),
    ("/archives/{name}", "get", READS | {"404"}),
    ("/pictures/{name}", "get", {"200", "206", "304", "401", "404", "416", "429", "502"}),
    ("/samples/{name}", "get", {"200", "404"}),
]


def test_the_document_is_valid(document):
    validate(document)


@pytest.mark.parametrize(("path", "method", "answers"), OPERATIONS)
def test_responses_of_a_route_are_documented(document, path, method, answers):
    assert set(document["paths"][path][method]["responses"]) == answers


def test_every_path_is_documented(document):
    assert set(document["paths"]) >= {path for path, _, _ in OPERATIONS}


def test_every_parameter_is_described_with_its_default_and_an_example(document):
    schema = document["components"]["schemas"]["SuperimposeRequest"]

    assert set(schema["properties"]) == {*SuperimposeRequest.model_fields, *RequestOptions.model_fields}
    assert schema["required"] == ["base_image"]
    assert schema["anyOf"] == [{"required": [name]} for name in ("overlay_image", "color", "overlays")]
    assert schema["additionalProperties"] is False
    for name, described in schema["properties"].items():
        assert described["description"], name
        assert described.get("examples"), name
        assert "default" in described or name in schema["required"], name


def test_the_examples_of_the_body_are_valid_requests(document):
    body = document["paths"]["/v2/superimpose"]["post"]["requestBody"]["content"]["application/json"]

    for example in body["examples"].values():
        SuperimposeRequest(**example["value"])


def test_the_examples_of_a_batch_are_valid(document):
    content = document["paths"]["/v2/superimpose/batch"]["post"]["requestBody"]["content"]
    whole = content["application/json"]["examples"]["logo"]["value"]
    head, *lines = map(json.loads, content["application/x-ndjson"]["example"].splitlines())

    for example in (whole, {**head, "requests": lines}):
        for each in example["requests"]:
            BODIES["superimpose"](**example["defaults"] | each)


def test_the_page_loads_nothing_from_other_hosts(service):
    page = service.client.get("/docs").text

    assert "swagger" in page
    assert "https://" not in page
    for asset in (part.split('"')[0] for part in page.split('src="')[1:] + page.split('href="')[1:]):
        assert httpx.get(f"{service.url}/{asset}", trust_env=False).status_code == 200


def test_the_query_of_a_list_is_described(document):
    query = [each for each in document["paths"]["/v2/requests"]["get"]["parameters"] if each["in"] == "query"]

    assert [each["name"] for each in query] == ["status", "custom_id", "limit", "before"]
    assert all(each["description"] for each in query)


def test_routes_that_need_a_key_document_it(document):
    for path, method, answers in OPERATIONS:
        assert ("security" in document["paths"][path][method]) == ("401" in answers), path
