"""`superimpose webhooks listen` verifies, answers and prints events."""

import base64
import itertools
import json
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from standardwebhooks.webhooks import Webhook

from cli.webhooks.receiver import MAX_BODY_BYTES, Received, print_received
from tests.cli.command import Command
from tests.cli.conftest import TIMEOUT_S
from tests.stack import ON_LOOPBACK, free_port

SECRET = f"whsec_{base64.b64encode(bytes(range(32))).decode()}"
OTHER = f"whsec_{base64.b64encode(bytes(range(1, 33))).decode()}"
ID = "msg_5476801e1a3144758dbb58e6b9ddfa68_completed"
EVENT = {
    "type": "request.completed",
    "timestamp": "2026-11-29T21:00:00.000+00:00",
    "status": "COMPLETED",
    "request_id": "5476801e-1a31-4475-8dbb-58e6b9ddfa68",
    "custom_id": "sku-1",
    "output": "https://pictures.example/pictures/cup.jpeg",
    "metrics": {"total_time": 0.03},
}
BODY = json.dumps(EVENT).encode()


@dataclass
class Listener:
    """A listening process; `heard` reads a line of its output."""

    url: str
    process: Command

    def post(self, body: bytes, headers: dict[str, str]) -> httpx.Response:
        return httpx.post(self.url, content=body, headers=headers, timeout=TIMEOUT_S, **ON_LOOPBACK)

    def read_event(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self.process.stdout.readline())
        return message


@contextmanager
def listening(*options: str) -> Iterator[Listener]:
    port = free_port()
    env = os.environ | {"SUPERIMPOSE_RECEIVER_SECRET": SECRET}
    process = Command(env, "webhooks", "listen", "--port", str(port), *options)
    try:
        assert [process.stdout.readline() for _ in range(2)] == [
            f"listening at http://127.0.0.1:{port}/ until Ctrl-C; a service on this machine needs\n",
            "SUPERIMPOSE_WEBHOOK_HTTP=true and SUPERIMPOSE_FETCH_ALLOW=127.0.0.1/32\n",
        ]
        yield Listener(f"http://127.0.0.1:{port}/hook", process)
    finally:
        process.kill()
        process.wait(TIMEOUT_S)
        process.stdout.close()


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    with listening("--json") as listener:
        yield listener


def signed(
    body: bytes = BODY, secret: str = SECRET, age_s: float = 0, webhook_id: str = ID
) -> dict[str, str]:
    """Signed by an independent library."""
    at = datetime.now(UTC) - timedelta(seconds=age_s)
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(webhook_id, at, body.decode()),
    }


def test_an_event_is_answered_204_and_printed_with_its_count(listener):
    answers = [listener.post(BODY, signed()) for _ in range(2)]

    assert [(answer.status_code, answer.content) for answer in answers] == [(204, b"")] * 2
    for times in (1, 2):
        received = listener.read_event()
        assert datetime.fromisoformat(received.pop("received_at")) <= datetime.now(UTC)
        assert received == {
            "webhook_id": ID,
            "times": times,
            "answer": 204,
            "refusal": None,
            "event": EVENT,
        }


def test_one_valid_signature_of_two_is_enough_during_a_rotation(listener):
    old, new = signed(secret=OTHER), signed()
    both = f"{old['webhook-signature']} v1a,bm90IG91cnM= {new['webhook-signature']}"

    answer = listener.post(BODY, new | {"webhook-signature": both})

    assert (answer.status_code, listener.read_event()["event"]) == (204, EVENT)


@pytest.mark.parametrize(
    ("body", "sent", "why"),
    [
        (BODY, dict, "without webhook-id and webhook-timestamp and webhook-signature"),
        (BODY, lambda: {**signed(), "webhook-id": ""}, "without webhook-id:"),
        (BODY, lambda: signed(secret=OTHER), "no signature matches this secret"),
        (BODY.replace(b"sku-1", b"sku-2"), signed, "no signature matches this secret"),
        (BODY, lambda: {**signed(), "webhook-id": f"{ID}x"}, "no signature matches this secret"),
        (BODY, lambda: {**signed(), "webhook-signature": "v2,AAAA"}, "no signature of version v1"),
        (BODY, lambda: {**signed(), "webhook-signature": "v1,\u00e9"}, "no signature matches this secret"),
        (BODY, lambda: {**signed(), "webhook-timestamp": "now"}, "is not a number of seconds"),
        (BODY, lambda: {**signed(), "webhook-timestamp": "9" * 5000}, "is not a number of seconds"),
        (BODY, lambda: signed(age_s=3600), " old, and 5 m are allowed"),
        (BODY, lambda: signed(age_s=-3600), "ahead of this clock, and 5 m are allowed"),
        (b"[1]", lambda: signed(b"[1]"), "correctly signed, but not a JSON object"),
        (b"{", lambda: signed(b"{"), "correctly signed, but not a JSON object"),
    ],
)
def test_an_unverified_event_is_answered_400_with_the_reason(listener, body, sent, why):
    raw = {name: value.encode("latin-1") for name, value in sent().items()}

    answer = listener.post(body, raw)
    received = listener.read_event()

    assert answer.status_code == received["answer"] == 400
    assert received["event"] is None
    assert why in received["refusal"]
    assert answer.text == received["refusal"]


@pytest.mark.parametrize(
    ("header", "status", "why"),
    [
        (f"Content-Length: {MAX_BODY_BYTES + 1}", 413, "a body of more than 1,048,576 bytes"),
        ("Content-Length: " + "9" * 5000, 413, "a body of more than 1,048,576 bytes"),
        ("Content-Length: -1", 411, "without a Content-Length"),
        ("Transfer-Encoding: chunked", 411, "without a Content-Length"),
    ],
)
def test_a_body_without_a_valid_length_is_not_read(listener, header, status, why):
    where = urlsplit(listener.url)
    with socket.create_connection((where.hostname, where.port), TIMEOUT_S) as connection:
        connection.sendall(f"POST / HTTP/1.1\r\nHost: here\r\n{header}\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(4096), b""))  # until the connection is closed

    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert listener.read_event()["refusal"] == why


def test_a_sender_that_disconnects_within_its_body_is_one_line(listener):
    where = urlsplit(listener.url)
    with socket.create_connection((where.hostname, where.port), TIMEOUT_S) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 10\r\n\r\nhalf")

    assert listener.read_event()["refusal"] == "the connection has ended within the body"
    assert listener.post(BODY, signed(webhook_id="msg_next")).status_code == 204
    assert listener.read_event()["webhook_id"] == "msg_next"


def test_another_status_can_be_configured():
    with listening("--json", "--status", "503") as listener:
        answer = listener.post(BODY, signed())

        assert (answer.status_code, answer.content) == (503, b"")
        assert listener.read_event()["answer"] == 503
        assert listener.post(b"", {}).status_code == 400  # refusals keep their status


def test_a_delayed_response_does_not_delay_other_events():
    with listening("--json", "--delay", "60") as listener:
        for webhook_id in ("msg_one", "msg_two"):
            with pytest.raises(httpx.ReadTimeout):
                httpx.post(
                    listener.url,
                    content=BODY,
                    headers=signed(webhook_id=webhook_id),
                    timeout=httpx.Timeout(TIMEOUT_S, read=0.2),
                    **ON_LOOPBACK,
                )
            assert listener.read_event()["webhook_id"] == webhook_id


def test_an_event_is_printed_readably_and_ctrl_c_stops_the_command():
    with listening() as listener:
        listener.post(BODY, signed())
        listener.post(BODY, signed(secret=OTHER))
        printed = iter(listener.process.stdout.readline, "")
        lines = [line.split() for line in itertools.islice(printed, 3 + len(EVENT) - 1 + 3)]
        listener.process.send_signal(signal.SIGINT)
        rest = listener.process.communicate(timeout=TIMEOUT_S)[0]

    assert lines[0][1:] == ["request.completed"]
    assert lines[1:3] == [["answered", "204"], ["webhook-id", ID]]
    assert ["custom_id", "sku-1"] in lines
    assert ["metrics", "total_time", "0.03"] in lines
    assert lines[-3][1:6] == ["REFUSED,", "no", "signature", "matches", "this"]
    assert lines[-2:] == [["answered", "400"], ["webhook-id", ID]]
    assert rest == ""
    assert listener.process.returncode == 0


def test_an_untrusted_webhook_id_is_printed_escaped(capsys):
    print_received(Received(0, "msg_\x1b[2J", 400, refusal="without a signature"), 0)

    assert r"msg_\x1b[2J" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "no signing secret: set SUPERIMPOSE_RECEIVER_SECRET; "),
        ({"SUPERIMPOSE_RECEIVER_SECRET": "a-master-secret"}, "is not a signing secret, "),
        ({"SUPERIMPOSE_RECEIVER_SECRET": "whsec_"}, "is not a signing secret, "),
        ({"SUPERIMPOSE_RECEIVER_SECRET": "whsec_%%%%"}, "is not a signing secret, "),
    ],
)
def test_without_a_secret_one_line_says_where_to_find_it(main, given, message):
    done = main("webhooks", "listen", **given)

    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"superimpose: invalid value for --secret: {message}")
    assert "`superimpose keys webhook-secret KEY`" in line
    assert "GET /v1/webhooks/default/secret" in line
