"""Requests that ask for another protocol: it is not spoken here, and their bodies are read as any other's."""

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
"""What java.net.http.HttpClient of OpenJDK 17.0.15 sent, with our key; the body was a segment of its own."""


@pytest.fixture(scope="module")
def edge(redis_socket, tmp_path_factory):
    with serving(redis_socket, tmp_path_factory.mktemp("upgrades"), "cli", "api") as edge:
        yield edge
        assert "Traceback" not in edge.log


def asked(method, token, *, key, connection="Upgrade", **framing):
    headers = {"connection": connection, "upgrade": token, "content_type": "application/json", **framing}
    sent = head("/v2/superimpose", method, **headers)
    return sent if key else sent.replace(b"x-api-key", b"x-other")


def split(start, body):
    """Both in one segment, in two, and in three whose borders lie within head and body."""
    return [
        (start + body,),
        (start, body),
        (start[: len(start) // 2], start[len(start) // 2 :] + body[:9], body[9:]),
    ]


@pytest.mark.parametrize("framing", FRAMED)
@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize("method", METHODS)
def test_a_body_behind_an_upgrade_is_never_a_request(edge, method, token, framing):
    length, body = FRAMED[framing]
    expected = {"POST": {True: 400, False: 401}}.get(method, {True: 405, False: 405})
    for key in (True, False):
        for segments in split(asked(method, token, key=key, **length), body):
            answered = answers(edge.exchange(*segments, LAST), method, "GET")
            assert [status for status, _ in answered] == [expected[key], 200], segments


@pytest.mark.parametrize("connection", ["Upgrade, close", "close, upgrade", "keep-alive, Upgrade", "upgrade"])
def test_a_submit_that_asks_for_an_upgrade_is_accepted_once(edge, redis_socket, connection):
    start = asked("POST", "h2c", key=True, connection=connection, content_length=len(BODY))
    redis = Redis(unix_socket_path=str(redis_socket), db=DATABASE)
    for *segments, end in split(start, BODY):
        accepted = redis.zcard(keyspace.DEADLINES)
        # In one segment: what comes after it was closed would reset the connection, and the answer with it.
        answered = answers(edge.exchange(*segments, end + LAST), "POST", "GET")
        assert [status for status, _ in answered] == ([200] if "close" in connection else [200, 200])
        assert redis.zcard(keyspace.DEADLINES) == accepted + 1
    redis.close()


def test_without_connection_an_upgrade_means_nothing(edge):
    start = submit(upgrade="x", content_length=len(FORGED))
    for segments in split(start, FORGED):
        answered = answers(edge.exchange(*segments, LAST), "POST", "GET")
        assert [status for status, _ in answered] == [400, 200]


def test_each_of_many_requests_behind_each_other_may_ask_for_an_upgrade(edge):
    one = asked("POST", "x", key=True, content_length=len(FORGED)) + FORGED
    answered = answers(edge.exchange(one * 200 + LAST), *["POST"] * 200, "GET")

    assert [status for status, _ in answered] == [400] * 200 + [200]


def test_an_upgrade_without_a_body_ends_with_its_head(edge):
    for segments in split(head("/livez", connection="upgrade", upgrade="websocket"), FORGED):
        answered = answers(edge.exchange(*segments, LAST), "GET", "GET", "GET")
        assert [status for status, _ in answered] == [200, 200, 200]


def test_http_1_0_cannot_be_upgraded(edge):
    start = asked("POST", "x", key=True, content_length=len(FORGED)).replace(b"HTTP/1.1", b"HTTP/1.0")
    for segments in split(start, FORGED):
        assert [status for status, _ in answers(edge.exchange(*segments), "POST")] == [400]


def test_other_headers_come_through_unchanged(edge):
    key = 'a: b,"c";  d'
    odd = asked("POST", "x", key=True, content_length=len(BODY), idempotency_key=key, empty="", spaces=" \t ")
    again = submit(content_length=len(BODY), idempotency_key=key, connection="close") + BODY

    (_, first), *_ = answers(edge.exchange(odd, BODY, LAST), "POST", "GET")
    assert first["request_id"] == answers(edge.exchange(again), "POST")[0][1]["request_id"]


def test_the_limit_on_headers_counts_those_of_an_upgrade(edge):
    status, answer = refusal(edge.exchange(head("/livez", connection="upgrade", upgrade="x" * 33_000)))

    assert (status, answer["code"]) == (400, "headers_too_large")


def test_what_a_java_client_sends_is_accepted(edge):
    for segments in split(JAVA_17_HEAD, BODY):
        (status, answer), (_, alive) = answers(edge.exchange(*segments, LAST), "POST", "GET")
        assert (status, answer["status"], alive) == (200, "QUEUED", {"status": "ok"})
