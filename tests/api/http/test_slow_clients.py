"""Slow or silent clients and excess connections are cut off without effect on other clients."""

import socket
import time

import pytest

from api.http.connection import LINGER_BYTES, MIN_RATE
from tests.edge import answers, head, read_to_end, refusal, serving, submit
from tests.stack import await_http

LIMIT = 30
LARGE = 8 * 1024 * 1024
BODY = b'{"base_image": "http://a.example/a.png", "overlay_image": "http://a.example/a.png"}'


@pytest.fixture(scope="module")
def edge(redis_socket, tmp_path_factory):
    folder = tmp_path_factory.mktemp("impatient")
    with serving(
        redis_socket, folder, "cli", "api", client_timeout_s=0.5, max_connections=LIMIT, keep_alive_s=2
    ) as edge:
        yield edge


@pytest.fixture(scope="module")
def patient(redis_socket, tmp_path_factory):
    """An API with generous timeouts."""
    with serving(redis_socket, tmp_path_factory.mktemp("patient"), "cli", "api") as edge:
        yield edge


@pytest.fixture(autouse=True)
def undisturbed(edge):
    """After each test, the next client is served and no error is logged."""
    yield
    await_http(f"{edge.url}/livez", edge.process)
    assert "Traceback" not in edge.log
    assert "ERROR" not in edge.log


def test_a_silent_connection_is_closed(edge):
    assert edge.exchange(b"") == b""


def test_line_breaks_alone_get_no_response(edge):
    assert edge.exchange(b"\r\n\r\n") == b""


@pytest.mark.parametrize("sent", [b"GET /liv", head("/livez")[:-2]], ids=["line", "headers"])
def test_incomplete_headers_are_a_400(edge, sent):
    status, answer = refusal(edge.exchange(sent))

    assert (status, answer["code"]) == (400, "slow_headers")


def test_an_idle_connection_is_kept_for_the_announced_time(edge):
    with edge.connect() as connection:
        connection.sendall(head("/livez"))
        received = read_to_end(connection)

    assert b"\r\nkeep-alive: timeout=2\r\n" in received
    assert [status for status, _ in answers(received, "GET")] == [200]


def test_a_connection_that_closes_announces_no_keep_alive(edge):
    assert b"keep-alive" not in edge.exchange(head("/livez", connection="close"))


def test_the_headers_of_a_second_request_have_the_same_deadline(edge):
    with edge.connect() as connection:
        connection.sendall(head("/livez"))
        first = connection.recv(65536)
        connection.sendall(b"GET /livez HTT")
        rest = read_to_end(connection)

    assert first.startswith(b"HTTP/1.1 200 ")
    assert b"slow_headers" in rest


@pytest.mark.parametrize(
    "sent",
    [submit(content_length=200) + b"{", submit(transfer_encoding="chunked") + b"1\r\n{"],
    ids=["announced", "chunked"],
)
def test_an_incomplete_body_is_a_400_and_nothing_is_accepted(edge, sent):
    status, answer = refusal(edge.exchange(sent))

    assert (status, answer["code"]) == (400, "slow_body")
    assert "accepted from" not in edge.log


EARLY = {
    "a wrong key": (401, submit(x_api_key="wrong", content_length=LARGE, connection="close")),
    "a body too large": (413, submit(content_length=10 * LARGE, connection="close")),
    "HTTP/1.0": (401, submit(x_api_key="wrong", content_length=LARGE).replace(b"HTTP/1.1", b"HTTP/1.0")),
    "no such path": (404, head("/nothing", "POST", content_length=LARGE, connection="close")),
}


@pytest.mark.parametrize("why", EARLY)
def test_a_client_that_reads_only_after_sending_gets_an_early_response(patient, why):
    status, call = EARLY[why]
    for _ in range(5):
        with patient.connect() as connection:
            connection.sendall(call)
            patient.await_read()
            connection.sendall(bytes(LARGE))
            assert refusal(read_to_end(connection))[0] == status


def test_nothing_is_read_after_a_body_that_was_not_asked_for_with_100_continue(patient):
    """Go's client before 1.21.12 sends the next caller's request in its place (CVE-2024-24791)."""
    refused = submit(x_api_key="wrong", content_length=40, expect="100-continue")
    with patient.connect() as connection:
        connection.sendall(refused)
        first = connection.recv(65536)
        connection.sendall(head("/livez") * 2)
        received = first + read_to_end(connection)

    assert b"\r\nconnection: close\r\n" in received
    assert [status for status, _ in answers(received, "POST")] == [401]


def test_a_request_pipelined_after_such_a_body_is_not_run(edge):
    refused = submit(x_api_key="wrong", content_length=2, expect="100-continue") + b"{}"
    behind = submit(content_length=len(BODY)) + BODY + submit(content_length=len(BODY)) + BODY[:9]
    with edge.connect() as connection:
        connection.sendall(refused + behind)
        received = read_to_end(connection)

    assert [status for status, _ in answers(received, "POST")] == [401]
    assert "accepted from" not in edge.log


def send_on(connection, more):
    connection.sendall(bytes(more))
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        connection.sendall(b"x")
        time.sleep(0.05)


@pytest.mark.parametrize("more", [LINGER_BYTES, 0], ids=["too much", "too late"])
def test_a_client_that_sends_on_after_an_early_response_is_cut_off(edge, more):
    with edge.connect() as connection:
        connection.sendall(submit(x_api_key="wrong", content_length=10**12, connection="close"))
        assert refusal(read_to_end(connection))[0] == 401
        with pytest.raises(ConnectionError):
            send_on(connection, more)


def test_the_rest_of_a_body_is_limited_on_a_kept_connection(patient):
    with patient.connect() as connection:
        connection.sendall(submit(x_api_key="wrong", content_length=10**12))
        assert connection.recv(65536).startswith(b"HTTP/1.1 401 ")
        with pytest.raises(ConnectionError):
            connection.sendall(bytes(4 * LINGER_BYTES))


def test_a_body_at_the_minimum_rate_may_exceed_the_timeout(edge):
    padded = BODY + b" " * (4 * MIN_RATE)
    with edge.connect() as connection:
        connection.sendall(submit(content_length=len(padded), connection="close") + padded[:-1])
        connection.settimeout(1)  # the base timeout has passed then
        with pytest.raises(TimeoutError):
            connection.recv(1)
        connection.settimeout(60)
        connection.sendall(padded[-1:])
        answer = read_to_end(connection)

    assert answer.startswith(b"HTTP/1.1 200 ")


def test_the_rest_of_an_answered_body_has_a_deadline(edge):
    answer = edge.exchange(submit(x_api_key="wrong", content_length=10_000) + b"{")

    assert refusal(answer)[0] == 401


def submitted(edge):
    """The id of a request that no worker takes."""
    call = submit(content_length=len(BODY), connection="close") + BODY
    return answers(edge.exchange(call), "POST")[0][1]["request_id"]


def test_malformed_bytes_after_a_waiting_call_do_not_cut_off_its_response(edge):
    waiting = head(f"/v2/requests/{submitted(edge)}/status?wait=2")

    assert [status for status, _ in answers(edge.exchange(waiting + b"hello there\r\n\r\n"), "GET")] == [200]


def test_no_refusal_is_written_into_a_started_response(edge):
    stream = edge.exchange(head(f"/v2/requests/{submitted(edge)}/status/stream", content_length=9))

    assert stream.count(b"HTTP/1.1 ") == 1
    assert b"event: status" in stream
    assert b"slow_body" not in stream


@pytest.mark.parametrize("sent", [submit(content_length=200) + b"{", submit(content_length=200)])
def test_a_client_that_disconnects_within_its_body_leaves_no_request(edge, sent):
    with edge.connect() as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        assert read_to_end(connection) == b""


def test_an_expected_body_is_asked_for_with_100_continue(patient):
    with patient.connect() as connection:
        connection.sendall(submit(content_length=len(BODY), expect="100-continue", connection="close"))
        assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(BODY)
        assert read_to_end(connection).startswith(b"HTTP/1.1 200 ")


def test_a_client_that_does_not_read_responses_is_dropped(edge):
    with edge.connect() as connection:
        connection.settimeout(60)
        with pytest.raises(OSError, match=r"reset|Broken pipe"):
            connection.sendall(head("/samples/cup.jpg") * 1_000_000)


def test_an_excess_connection_gets_a_429_with_retry_after(edge):
    connections = [edge.connect() for _ in range(LIMIT)]
    for connection in connections:
        connection.sendall(b"GET /livez HTT")
    answer = edge.exchange(head("/livez"))
    for connection in connections:
        connection.close()

    status, body = refusal(answer)
    assert (status, body["code"]) == (429, "busy")
    assert b"\r\nretry-after: " in answer
