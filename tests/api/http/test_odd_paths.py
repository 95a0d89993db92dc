"""Odd paths and queries cause neither internal errors nor injected log lines."""

import pytest

from tests.edge import head, refusal, serving

LONG = "a" * 10_000
PATHS = {
    "/v2/requests/../..%2f": 404,
    "/v2/requests/..%2f..%2fetc%2fpasswd": 404,
    "/v2/requests/%2e%2e": 404,
    "/v2/requests/%00": 404,
    "/v2/requests/%00/status": 404,
    "/v2/requests/%0d%0aforged%20line": 404,
    "/v2/requests/%ff%fe": 404,
    "/v2/requests/%ed%a0%80": 404,
    "/v2/requests/%f0%9f%92%a9/status": 404,
    "/v2/requests/%zz": 404,
    "/v2/requests/%ff%fe/webhook": 404,
    f"/v2/requests/{LONG}/webhook": 404,
    "/v2/requests/*": 404,
    "/v2/requests/x:y": 404,
    "/v2/requests/?": 404,
    "/v2/requests//status": 404,
    "/v2/requests/x/": 404,
    f"/v2/requests/{LONG}": 404,
    f"/v1/requests/{LONG}": 404,
    f"/v2/requests/{LONG}/status": 404,
    "/pictures/%00": 404,
    "/pictures/..%2f..%2fetc%2fpasswd": 404,
    "/pictures/%0d%0ax.png": 404,
    "/pictures/.png": 404,
    f"/pictures/{LONG}.png": 404,
    "/samples/..%2fsamples.py": 404,
    "/samples/%00.jpg": 404,
    f"/samples/{LONG}.jpg": 404,
    "/docs/..%2fswagger-ui.css": 404,
    "/docs/%00": 404,
    "//evil.example/%2e%2e": 404,
    "//livez": 404,
    "/livez/": 404,
    "/%5c%5cevil": 404,
    "http://evil.example/livez/x": 404,
    "*": 404,
    "/{docs}": 404,
}


@pytest.fixture(scope="module")
def edge(redis_socket, tmp_path_factory):
    with serving(redis_socket, tmp_path_factory.mktemp("odd"), "cli", "api") as edge:
        yield edge
        assert "forged line" not in edge.log
        assert "Traceback" not in edge.log
        assert "ERROR" not in edge.log


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path[:30])
def test_an_odd_path_is_a_json_error(edge, path):
    answer = edge.exchange(head(path, connection="close"))
    status, body = refusal(answer)

    assert (status, body["code"]) == (PATHS[path], "not_found")
    assert b"\r\nlocation:" not in answer


@pytest.mark.parametrize("query", ["%00", "%ff", "a=b&" * 1000, "?#"])
def test_an_odd_query_is_ignored(edge, query):
    assert edge.exchange(head(f"/livez?{query}", connection="close")).startswith(b"HTTP/1.1 200 ")
