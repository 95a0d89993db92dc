"""Requests with an Upgrade: it is ignored, and their bodies are read as usual."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from redis import Redis

from jobs import keyspace
from tests.edge import DATABASE, answers, head, refusal, serving, submit
from tests.stack import KEY

TOKENS = ["websocket", "h2c", "HTTP/2.0, SHTTP/1.3", "TLS/1.0", "x", ""]
METHODS = ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "GET", "HEAD"]
FORGED = b"GET /livez HTTP/1.1\r\nhost: here\r\n\r\n"
LAST = head("/livez", connection="close")
FRAMED = {
    "length": ({"content_length": len(FORGED)}, FORGED),
    "chunked": ({"transfer_encoding": "chunked"}, b"%x\r\n%b\r\n0\r\n\r\n" % (len(FORGED), FORGED)),
}
BODY = b'{"base_image": "http://a.example/a.png", "overlay_image": "http://a.example/a.png"}'

JAVA_17_HEAD = (
    b"POST /v2/superimpose HTTP/1.1\r\n"
    b"Connection: Upgrade, HTTP2-Settings\r\n"
    b"Content-Length: %d\r\n"
    b"Host: 127.0.0.1:18999\r\n"
    b"HTTP2-Settings: AAEAAEAAAAIAAAAAAAMAAAAAAAQBAAAAAAUAAEAAAAYABgAA\r\n"
    b"Upgrade: h2c\r\n"
    b"User-Agent: Java-http-client/17.0.15\r\n"
    b"content-type: application/json\r\n"
    b"x-api-key: %b\r\n"
    b"\r\n"
) % (len(BODY), KEY.encode())
"""As sent by java.net.http.HttpClient of OpenJDK 17.0.15, with our key; the body came in its own segment."""


@pytest.fixture(scope="module")
def edge(redis_socket, tmp_path_factory):
    with serving(redis_socket, tmp_path_factory.mktemp("upgrades"), "cli", "api") as edge:
        yield edge
        assert "Traceback" not in edge.log


def upgrade(method, token, *, key, connection="Upgrade", **framing):
    headers = {"connection": connection, "upgrade": token, "content_type": "application/json", **framing}
    sent = head("/v2/superimpose", method, **headers)
    return sent if key else sent.replace(b"x-api-key", b"x-other")


def split(start, body):
    """Head and body in one segment, in two, and in three that split both."""
    return [
        (start + body,),
        (start, body),
        (start[: len(start) // 2], start[len(start) // 2 :] + body[:9], body[9:]),
    ]


@pytest.mark.parametrize("framing", FRAMED)
@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize("method", METHODS)
def test_a_body_after_an_upgrade_is_never_read_as_a_request(edge, method, token, framing):
    length, body = FRAMED[framing]
    expected = {"POST": {True: 400, False: 401}}.get(method, {True: 405, False: 405})
    calls = [
        (key, segments)
        for key in (True, False)
        for segments in split(upgrade(method, token, key=key, **length), body)
    ]
    with ThreadPoolExecutor() as threads:
        received = list(threads.map(lambda call: edge.exchange(*call[1], LAST), calls))
    for (key, segments), answered in zip(calls, received, strict=True):
        statuses = [status for status, _ in answers(answered, method, "GET")]
        assert statuses == [expected[key], 200], segments


@pytest.mark.parametrize("connection", ["Upgrade, close", "close, upgrade", "keep-alive, Upgrade", "upgrade"])
def test_a_submit_with_an_upgrade_is_accepted_once(edge, redis_socket, connection):
    start = upgrade("POST", "h2c", key=True, connection=connection, content_length=len(BODY))
    redis = Redis(unix_socket_path=str(redis_socket), db=DATABASE)
    for *segments, end in split(start, BODY):
        accepted = redis.zcard(keyspace.DEADLINES)
        # In one segment: bytes that arrive after the close would reset the connection and lose the response.
        answered = answers(edge.exchange(*segments, end + LAST), "POST", "GET")
        assert [status for status, _ in answered] == ([200] if "close" in connection else [200, 200])
        assert redis.zcard(keyspace.DEADLINES) == accepted + 1
    redis.close()


def test_an_upgrade_without_a_connection_header_is_ignored(edge):
    start = submit(upgrade="x", content_length=len(FORGED))
    for segments in split(start, FORGED):
        answered = answers(edge.exchange(*segments, LAST), "POST", "GET")
        assert [status for status, _ in answered] == [400, 200]


def test_each_pipelined_request_may_have_an_upgrade(edge):
    one = upgrade("POST", "x", key=True, content_length=len(FORGED)) + FORGED
    answered = answers(edge.exchange(one * 200 + LAST), *["POST"] * 200, "GET")

    assert [status for status, _ in answered] == [400] * 200 + [200]


def test_a_request_with_an_upgrade_and_no_body_is_answered(edge):
    for segments in split(head("/livez", connection="upgrade", upgrade="websocket"), FORGED):
        answered = answers(edge.exchange(*segments, LAST), "GET", "GET", "GET")
        assert [status for status, _ in answered] == [200, 200, 200]


def test_an_upgrade_of_http_1_0_is_ignored(edge):
    start = upgrade("POST", "x", key=True, content_length=len(FORGED)).replace(b"HTTP/1.1", b"HTTP/1.0")
    for segments in split(start, FORGED):
        assert [status for status, _ in answers(edge.exchange(*segments), "POST")] == [400]


def test_other_headers_are_unchanged_by_an_upgrade(edge):
    key = 'a: b,"c";  d'
    odd = upgrade(
        "POST", "x", key=True, content_length=len(BODY), idempotency_key=key, empty="", spaces=" \t "
    )
    again = submit(content_length=len(BODY), idempotency_key=key, connection="close") + BODY

    (_, first), *_ = answers(edge.exchange(odd, BODY, LAST), "POST", "GET")
    assert first["request_id"] == answers(edge.exchange(again), "POST")[0][1]["request_id"]


def test_the_header_limits_apply_to_a_request_with_an_upgrade(edge):
    status, answer = refusal(edge.exchange(head("/livez", connection="upgrade", upgrade="x" * 33_000)))

    assert (status, answer["code"]) == (400, "headers_too_large")


def test_the_upgrade_of_javas_http_client_is_accepted(edge):
    for segments in split(JAVA_17_HEAD, BODY):
        (status, answer), (_, alive) = answers(edge.exchange(*segments, LAST), "POST", "GET")
        assert (status, answer["status"], alive) == (200, "QUEUED", {"status": "ok"})
