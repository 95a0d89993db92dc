"""Responses about hidden or expired resources equal those about unknown ones, to the byte."""

import pytest
from redis import Redis

from jobs import keyspace
from jobs.keys.api_keys import ApiKeys

NEVER = "3d4a6c1e-0000-4000-8000-000000000000"
NO_PICTURE = "0123456789abcdefghijklmnopqrstuv.jpeg"
OF_THE_CLOCK = {"date", "ratelimit", "x-rate-limit-reset-at-utc"}


@pytest.fixture(scope="module")
def redis_of_service(redis_socket):
    with Redis.from_url(f"unix://{redis_socket}?db=0") as redis:
        yield redis


@pytest.fixture
def finished(service, origin):
    request_id = service.submit(base_image=f"{origin.url}/cup.jpg", overlay_image=f"{origin.url}/logo.png")
    service.finish(request_id)
    return request_id


def response(service, method, path, **headers):
    """Status, headers and body, without the time and the echoed name."""
    answer = service.client.request(method, path, headers=headers)
    name = path.split("/")[3] if path.startswith("/v") else "-"
    known = [(name, value) for name, value in answer.headers.items() if name not in OF_THE_CLOCK]
    return answer.status_code, known, answer.text.replace(name, "")


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
@pytest.mark.parametrize(
    "path", [f"/v2/requests/{{}}{end}" for end in ("", "/status", "/cancel", "/retry")] + ["/v1/requests/{}"]
)
def test_a_request_of_another_key_looks_like_an_unknown_one(
    service, redis_of_service, finished, method, path
):
    _, other = ApiKeys(redis_of_service).create("other")

    theirs = response(service, method, path.format(finished), **{"x-api-key": other})

    assert theirs == response(service, method, path.format(NEVER), **{"x-api-key": other})
    assert theirs[0] in (404, 405)


@pytest.mark.parametrize("path", ["/v2/requests/{}", "/v2/requests/{}/status"])
def test_an_expired_request_looks_like_an_unknown_one(service, redis_of_service, finished, path):
    redis_of_service.delete(keyspace.request(finished))

    assert response(service, "GET", path.format(finished)) == response(service, "GET", path.format(NEVER))


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_an_expired_picture_looks_like_an_unknown_one(service, redis_of_service, finished, method):
    name = service.client.get(f"/v2/requests/{finished}").json()["images"][0]["file_name"]
    redis_of_service.delete(keyspace.picture(name.partition(".")[0]))

    gone = response(service, method, f"/pictures/{name}")

    assert gone == response(service, method, f"/pictures/{NO_PICTURE}")
    assert gone[0] == 404
