"""Every error on every path is JSON."""

import asyncio
import logging

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from obstore.exceptions import GenericError
from redis import Redis

from api.exception_handlers import HANDLERS
from jobs import keyspace
from jobs.keys.api_keys import ApiKeys
from jobs.lifecycle.moves import IllegalMove
from tests.stack import KEY, empty_database, environment, running


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("POST", "/v2/another-model", 404, "unknown_model"),
        ("GET", "/v2/superimpose", 405, "method_not_allowed"),
        ("PUT", "/v2/requests/x", 405, "method_not_allowed"),
        ("GET", "/v2/requests/x", 404, "not_found"),
        ("GET", "/v2/requests/x/status", 404, "not_found"),
        ("GET", "/v1/requests/x", 404, "not_found"),
        ("GET", "/pictures/x.png", 404, "not_found"),
        ("GET", "/samples/x.png", 404, "not_found"),
        ("GET", "/samples/ORIGIN.md", 404, "not_found"),
    ],
)
def test_framework_errors_are_json(service, method, path, status, code):
    answer = service.client.request(method, path)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["error"]


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/pictures/x", "GET, HEAD"),
        ("/v2/requests", "GET"),
        ("/v2/requests/x", "DELETE, GET"),
        ("/v2/superimpose", "POST"),
        ("/livez", "GET, HEAD"),
    ],
)
def test_a_405_lists_all_methods_of_the_path(service, path, methods):
    answer = service.client.put(path)

    assert (answer.status_code, answer.headers["allow"]) == (405, methods)
    assert answer.json()["error"].endswith(f"it takes {methods}")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v2/superimpose"),
        ("POST", "/v1/superimpose"),
        ("GET", "/v2/requests/x"),
        ("GET", "/v1/requests/x"),
        ("GET", "/v2/requests/x/status"),
        ("GET", "/v2/requests/x/webhook"),
        ("POST", "/v2/requests/x/webhook/redeliver"),
        ("GET", "/v1/webhooks/default/secret"),
        ("POST", "/v2/webhooks/secret/rotate"),
        ("GET", "/v2/requests"),
        ("POST", "/v2/requests/x/retry"),
        ("DELETE", "/v2/requests/x"),
    ],
)
def test_every_route_requires_a_key(service, method, path):
    with httpx.Client(base_url=service.url, trust_env=False) as stranger:
        missing = stranger.request(method, path, json={})
        wrong = stranger.request(method, path, json={}, headers={"x-api-key": "wrong"})

    assert (missing.status_code, missing.json()["code"]) == (401, "missing_key")
    assert (wrong.status_code, wrong.json()["code"]) == (401, "invalid_key")


@pytest.mark.parametrize("header", ["Bearer {}", "bearer {}"])
def test_a_bearer_token_is_accepted_as_the_key(service, header):
    with httpx.Client(base_url=service.url, trust_env=False) as client:
        answer = client.get("/v2/requests/x", headers={"authorization": header.format(KEY)})

    assert answer.status_code == 404


def test_a_request_of_another_key_is_reported_as_unknown(service, redis_socket, origin):
    with Redis.from_url(f"unix://{redis_socket}?db=0") as redis:
        _, other = ApiKeys(redis).create("other")
    request_id = service.submit(base_image=f"{origin.url}/cup.jpg", overlay_image=f"{origin.url}/logo.png")

    def seen(path: str) -> tuple[int, str]:
        answer = service.client.get(path, headers={"x-api-key": other})
        return answer.status_code, answer.text.replace(request_id, "unknown")

    assert seen(f"/v2/requests/{request_id}") == seen("/v2/requests/unknown")
    assert seen(f"/v2/requests/{request_id}/status") == seen("/v2/requests/unknown/status")
    assert seen("/v2/requests/unknown")[0] == 404


def test_an_unreachable_queue_is_a_502_with_retry_after(tmp_path, redis, redis_socket):
    with running(environment(f"unix://{redis_socket}?db=1", tmp_path), workers=0) as stack:
        redis.execute_command("CLIENT", "PAUSE", "4500", "ALL")
        answer = stack.client.post("/v2/superimpose", json={"base_image": "x", "overlay_image": "x"})
        redis.execute_command("CLIENT", "UNPAUSE")

    assert (answer.status_code, answer.json()["code"]) == (502, "unavailable")
    assert int(answer.headers["retry-after"]) > 0


def test_an_internal_error_after_acceptance_has_the_request_id(redis_socket, tmp_path):
    env = environment(empty_database(redis_socket, 8), tmp_path)
    with running(env) as stack:
        url = f"{stack.url}/samples"
        body = {"base_image": f"{url}/cup.jpg", "overlay_image": f"{url}/logo.png", "base64": True}
        request_id = stack.submit(**body)
        stack.finish(request_id)
        with Redis.from_url(env["SUPERIMPOSE_REDIS_URL"]) as redis:
            redis.hset(keyspace.request(request_id), "output", "{")
        answer = stack.client.get(f"/v2/requests/{request_id}")

    assert (answer.status_code, answer.json()["request_id"]) == (500, request_id)
    assert str(tmp_path) not in answer.text


def get(app: FastAPI, path: str) -> httpx.Response:
    async def get() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return await client.get(path)

    return asyncio.run(get())


def test_internal_errors_are_logged_and_not_revealed(caplog):
    app = FastAPI(exception_handlers=HANDLERS)

    @app.get("/v2/requests/{request_id}")
    async def broken() -> None:
        raise RuntimeError("secret detail")

    @app.get("/v1/superimpose")
    async def broken_after_acceptance(request: Request) -> None:
        request.state.request_id = "5678"
        raise RuntimeError("secret detail")

    with caplog.at_level(logging.ERROR, "superimpose.api"):
        answer = get(app, "/v2/requests/1234")
        accepted = get(app, "/v1/superimpose")

    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert answer.json()["request_id"] == "1234"
    assert accepted.json()["request_id"] == "5678"
    assert "secret" not in answer.text
    assert "1234" in caplog.text
    assert "secret detail" in caplog.text


def test_a_path_cannot_inject_a_log_line(caplog):
    app = FastAPI(exception_handlers=HANDLERS)

    @app.get("/v2/requests/{request_id}")
    async def broken() -> None:
        raise RuntimeError

    get(app, "/v2/requests/1%0d%0a12:00:00 INFO forged")

    [logged] = [record.getMessage() for record in caplog.records if record.name == "superimpose.api"]
    assert "forged" in logged
    assert not {"\r", "\n"} & set(logged)


@pytest.mark.parametrize(
    ("reason", "status", "code"),
    [
        ("revoked", 401, "invalid_key"),
        ("missing", 404, "not_found"),
        ("terminal", 409, "already_finished"),
        ("unfinished", 409, "not_finished"),
    ],
)
def test_a_move_that_another_call_made_impossible_is_refused_by_its_reason(reason, status, code):
    app = FastAPI(exception_handlers=HANDLERS)

    @app.get("/v2/requests/{request_id}")
    async def too_late(request_id: str) -> None:
        raise IllegalMove("cancel", request_id, reason)

    answer = get(app, "/v2/requests/1234")

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json().get("request_id") == (None if status == 401 else "1234")


@pytest.mark.parametrize(
    ("path", "call"),
    [
        ("/v2/superimpose", "GET /v2/superimpose"),
        ("/v2/requests/1234", "GET /v2/requests/{request_id} (request '1234')"),
        ("/pictures/half", "GET /pictures/{name}"),
    ],
)
def test_a_store_that_fails_is_one_line_in_the_log_without_a_traceback(caplog, path, call):
    app = FastAPI(exception_handlers=HANDLERS)
    away = GenericError("Generic S3 error: no\nconnection\n\nDebug source:\nGeneric {\n    store: S3\n}")

    @app.get("/v2/superimpose")
    @app.get("/v2/requests/{request_id}")
    async def broken() -> None:
        raise away

    async def half():
        yield b"half a picture"
        raise away

    @app.get("/pictures/{name}")
    async def breaks_off() -> StreamingResponse:
        return StreamingResponse(half())

    get(app, path)

    [logged] = caplog.records
    assert logged.getMessage() == f"{call}: the store failed: Generic S3 error: no connection"
    assert (logged.levelname, logged.exc_info) == ("ERROR", None)
