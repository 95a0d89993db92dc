"""The receiver responds as its paths say, and only trusts valid signatures."""

import time

import httpx
import pytest

from jobs.webhooks.secrets import sign
from tests.chaos.outside.receiver import DELIVERED, FIRST_ANSWERS, LATEST_S, Receiver
from tests.in_thread import in_thread
from tests.stack import ON_LOOPBACK

SECRET, OTHER = "whsec_bXkgc2VjcmV0", "whsec_b3RoZXI="
BODY = b'{"type": "request.completed"}'


@pytest.fixture
def receiver():
    with in_thread(Receiver({"key_1": SECRET, "key_2": OTHER})) as receiver:
        yield receiver


def call(receiver: Receiver, answer: str, secret: str = SECRET, age_s: int = 0, body: bytes = BODY) -> int:
    at = int(time.time()) - age_s
    signature = sign(secret, "msg_1", at, BODY)
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(at), "webhook-signature": signature}
    with httpx.Client(timeout=0.5, **ON_LOOPBACK) as client:
        url = f"{receiver.url}/{answer}/key_1/1"
        with client.stream("POST", url, content=body, headers=headers) as response:
            return response.status_code


@pytest.mark.parametrize("answer", FIRST_ANSWERS)
def test_the_first_response_is_as_configured_and_the_next_a_success(receiver, answer):
    if answer in {"silent", "torn"}:
        with pytest.raises((httpx.ReadTimeout, httpx.RemoteProtocolError)):
            call(receiver, answer)
    else:
        assert (200 <= call(receiver, answer) < 300) == (answer in DELIVERED)

    assert call(receiver, answer) == 204
    assert [got.is_delivered for got in receiver.received] == [answer in DELIVERED, True]


@pytest.mark.parametrize("wrong", [{"secret": OTHER}, {"body": BODY + b" "}, {"age_s": LATEST_S + 1}])
def test_faults_of_a_signature_are_recorded(receiver, wrong):
    call(receiver, "well")
    call(receiver, "well", **wrong)

    assert [got.fault is None for got in receiver.received] == [True, False]
