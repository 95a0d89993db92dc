"""Receivers that want to reach our network, to hold us up, or to fill our memory."""

import resource
import socket
import threading
import time

import pytest

from jobs.network.guard import LOOKUPS_AT_ONCE
from jobs.webhooks.deliveries import State
from tests.redis.sentinels import until
from tests.webhook_events import completed
from tests.webhooks.answers import answering, outcome
from webhooks import attempt, connections
from webhooks.attempt import CLOSED, INVALID, TIMED_OUT, UNREACHABLE

METADATA = "http://169.254.169.254/latest/meta-data/"


@pytest.fixture
def hurried(monkeypatch):
    """The same limits, with less time."""
    monkeypatch.setattr(attempt, "TIMEOUT_S", 2)
    monkeypatch.setattr(connections, "CONNECT_S", 1)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(transitions, key_id, receiver, sending, await_log, status):
    receiver.answers = lambda _: (status, {"location": METADATA})
    with sending():
        said = outcome(transitions, key_id, await_log, receiver.url)

    assert said == (status, f"answered {status}: redirects are not followed")
    assert len(receiver.got) == 1


def test_a_redirect_to_itself_is_not_followed_either(transitions, key_id, receiver, sending, await_log):
    receiver.answers = lambda _: (307, {"location": receiver.url})
    with sending():
        outcome(transitions, key_id, await_log, receiver.url)

    assert len(receiver.got) == 1


def test_one_that_is_silent_has_so_much_time_and_no_more(
    transitions, key_id, serve, sending, await_log, hurried
):
    server = serve(answering(then=lambda connection: connection.recv(1)))
    with sending():
        assert outcome(transitions, key_id, await_log, server.url) == (None, TIMED_OUT)


def test_one_that_drips_its_headers_has_no_more_time(transitions, key_id, serve, sending, await_log, hurried):
    def drip(connection):
        while True:
            connection.sendall(b"x: y\r\n")
            time.sleep(0.05)

    server = serve(answering(b"HTTP/1.1 200 OK\r\n", then=drip))
    with sending():
        assert outcome(transitions, key_id, await_log, server.url) == (None, TIMED_OUT)


def test_one_that_drips_its_body_has_the_event_and_holds_nothing_up(
    transitions, key_id, serve, sending, await_log, monkeypatch
):
    monkeypatch.setattr("webhooks.connection.BODY_S", 0.2)

    def drip(connection):
        while True:
            connection.sendall(b"a")
            time.sleep(0.05)

    server = serve(answering(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n", then=drip))
    with sending():
        assert outcome(transitions, key_id, await_log, server.url) == (200, None)


@pytest.mark.parametrize("head", [
    b"HTTP/1.1 200 OK\r\ncontent-length: 10000000000\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n\r\n",
])  # fmt: skip
def test_of_an_endless_body_little_is_read(transitions, key_id, serve, sending, await_log, head):
    sent, ended = [0], threading.Event()

    def pour(connection):
        try:
            while True:
                sent[0] += connection.send(b"a" * 65536)
        except OSError:
            ended.set()
            raise

    server = serve(answering(head, then=pour))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with sending():
        assert outcome(transitions, key_id, await_log, server.url) == (200, None)
        assert ended.wait(60)

    assert sent[0] < 64 * 2**20  # what the kernel holds, not what we have read
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024  # KiB


def test_headers_without_an_end_are_refused(transitions, key_id, serve, sending, await_log):
    def pour(connection):
        while True:
            connection.sendall(b"x: " + b"y" * 8000 + b"\r\n")

    server = serve(answering(b"HTTP/1.1 200 OK\r\n", then=pour))
    with sending():
        assert outcome(transitions, key_id, await_log, server.url) == (None, INVALID)


def test_interim_answers_without_an_end_are_refused(transitions, key_id, serve, sending, await_log):
    def pour(connection):
        while True:
            connection.sendall(b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" * 100)

    server = serve(answering(then=pour))
    with sending():
        assert outcome(transitions, key_id, await_log, server.url) == (None, INVALID)


def test_an_interim_answer_is_no_answer(transitions, key_id, serve, sending, await_log):
    server = serve(
        answering(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")
    )
    with sending():
        assert outcome(transitions, key_id, await_log, server.url) == (202, None)


@pytest.mark.parametrize("said", [b"220 mail.example ESMTP\r\n", b"\x00\x01\x02", b"<html>"])
def test_what_is_no_http_is_refused(transitions, key_id, serve, sending, await_log, said):
    server = serve(answering(said, then=lambda connection: connection.close()))
    with sending():
        assert outcome(transitions, key_id, await_log, server.url) == (None, INVALID)


@pytest.mark.parametrize("parts", [(), (b"HTTP/1.1 20",)])
def test_one_that_breaks_off_is_asked_again(transitions, key_id, serve, sending, await_log, parts):
    server = serve(answering(*parts, then=lambda connection: connection.shutdown(socket.SHUT_RDWR)))
    with sending():
        found = await_log(completed(transitions, key_id, server.url), attempts=1)

    assert (found.attempts[0].error, found.state) == (CLOSED, State.PENDING)


def test_one_that_closes_in_the_middle_of_its_body_has_the_event(
    transitions, key_id, serve, sending, await_log
):
    server = serve(
        answering(
            b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf",
            then=lambda connection: connection.shutdown(socket.SHUT_RDWR),
        )
    )
    with sending():
        for _ in range(2):
            assert outcome(transitions, key_id, await_log, server.url) == (200, None)


def test_a_second_answer_is_not_taken_for_that_to_the_next_event(
    transitions, key_id, serve, sending, await_log
):
    two = b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
    server = serve(answering(two))
    with sending():
        for _ in range(2):
            assert outcome(transitions, key_id, await_log, server.url) == (500, "answered 500")


def test_an_upgrade_is_no_success(transitions, key_id, serve, sending, await_log):
    server = serve(answering(b"HTTP/1.1 101 Switching\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n"))
    with sending():
        status, error = outcome(transitions, key_id, await_log, server.url)

    assert (status, error) == (None, INVALID)


def test_one_that_does_not_listen_cannot_be_reached(transitions, key_id, sending, await_log):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with sending():
        assert outcome(transitions, key_id, await_log, f"http://127.0.0.1:{port}/") == (None, UNREACHABLE)


def test_names_that_nobody_answers_for_hold_up_no_receiver_that_has_answered(
    transitions, key_id, receiver, sending, await_log, hurried
):
    asked, over = [], threading.Event()

    def resolve(host, port):
        if host == "shop.com":
            return ["127.0.0.1"]
        asked.append(host)
        over.wait(60)
        raise OSError("no answer")

    receiver.answers = lambda _: (200, {"connection": "close"})
    live = f"http://shop.com:{receiver.port}/"
    with sending(resolve=resolve):
        await_log(completed(transitions, key_id, live), State.DELIVERED)
        dead = [
            completed(transitions, key_id, f"http://dead{nth}.com/") for nth in range(LOOKUPS_AT_ONCE + 5)
        ]
        until(lambda: len(asked) == LOOKUPS_AT_ONCE, "all look-ups of new receivers hang")
        await_log(completed(transitions, key_id, live), State.DELIVERED)
        assert await_log(dead[0], attempts=1).attempts[0].error in (UNREACHABLE, TIMED_OUT)
        over.set()

    assert len(set(asked)) == len(asked)
