"""No packet goes to a refused address, and no event to a server without a valid certificate."""

import ssl
from datetime import UTC, datetime

import pytest
import trustme

from tests.webhook_events import completed, with_webhooks
from tests.webhooks.receiver import answering, outcome
from webhooks import connections
from webhooks.attempt import UNREACHABLE, UNTRUSTED


@pytest.mark.parametrize("address", ["169.254.169.254", "10.0.0.1", "::1", "::ffff:127.0.0.1", "fd00::1"])
def test_a_name_with_a_private_address_is_not_connected_to(
    transitions, key_id, receiver, sending, await_log, address
):
    port = receiver.port
    with sending(resolve=lambda *_: [address]):
        result = outcome(transitions, key_id, await_log, f"http://shop.com:{port}/")

    assert result == (None, UNREACHABLE)
    assert receiver.connections == 0


def test_one_private_address_among_others_is_enough(transitions, key_id, receiver, sending, await_log):
    port = receiver.port
    with sending(resolve=lambda *_: ["127.0.0.1", "10.0.0.1"]):
        assert outcome(transitions, key_id, await_log, f"http://shop.com:{port}/") == (None, UNREACHABLE)

    assert receiver.connections == 0


def test_a_name_is_checked_again_at_each_attempt(
    settings, transitions, key_id, receiver, sending, await_log, retried_soon
):
    addresses = [["127.0.0.1"], ["127.0.0.2"]]
    receiver.answers = lambda _: (500, {"connection": "close"})
    port = receiver.port
    with sending(resolve=lambda *_: addresses.pop(0) if len(addresses) > 1 else addresses[0]):
        found = await_log(completed(transitions, key_id, f"http://shop.com:{port}/"), attempts=2)

    assert [made.error for made in found.attempts[:2]] == ["answered 500", UNREACHABLE]
    assert len(receiver.got) == 1


def test_a_pooled_connection_is_not_used_once_its_name_has_a_private_address(
    transitions, key_id, receiver, sending, await_log, monkeypatch, caplog
):
    monkeypatch.setattr(connections, "CHECKED_S", 0.0)
    addresses, url = ["127.0.0.1"], f"http://shop.com:{receiver.port}/"
    with caplog.at_level("INFO", "superimpose.webhooks"), sending(resolve=lambda *_: list(addresses)):
        for _ in range(2):
            assert outcome(transitions, key_id, await_log, url) == (204, None)
        assert receiver.connections == 1
        addresses[:] = ["10.0.0.1"]
        assert outcome(transitions, key_id, await_log, url) == (None, UNREACHABLE)

    assert len(receiver.got) == 2
    assert "10.0.0.1 is private" in caplog.text


def test_a_pooled_connection_is_not_used_once_its_name_has_another_address(
    settings, transitions, key_id, receiver, sending, await_log, monkeypatch
):
    monkeypatch.setattr(connections, "CHECKED_S", 0.0)
    addresses, url = ["127.0.0.1"], f"http://shop.com:{receiver.port}/"
    allowing = with_webhooks(settings, fetch_allow=("127.0.0.0/8",))
    with sending(resolve=lambda *_: list(addresses), of=allowing):
        assert outcome(transitions, key_id, await_log, url) == (204, None)
        addresses[:] = ["127.0.0.2"]  # where nobody listens
        assert outcome(transitions, key_id, await_log, url) == (None, UNREACHABLE)

    assert len(receiver.got) == 1


def test_an_event_is_not_sent_if_the_settings_now_forbid_its_url(
    redis, settings, transitions, key_id, receiver, sending, await_log
):
    request_id = completed(transitions, key_id, receiver.url)
    with sending(of=with_webhooks(settings, webhook_http=False)):
        assert await_log(request_id, attempts=1).attempts[0].error == UNREACHABLE

    assert receiver.connections == 0


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusting(authority):
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def server_tls(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


OK = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


def over_tls(serve, certificate):
    server = serve(answering(OK), server_tls(certificate))
    return f"https://shop.com:{server.port}/", server


def here(*_):
    return ["127.0.0.1"]


def test_a_certificate_for_the_name_is_accepted_and_its_connection_reused(
    transitions, key_id, serve, sending, await_log, authority, trusting
):
    url, server = over_tls(serve, authority.issue_cert("shop.com"))
    with sending(here, trusting):
        for _ in range(3):
            assert outcome(transitions, key_id, await_log, url) == (200, None)

    assert server.connections == 1


def test_a_certificate_for_another_name_expired_or_of_an_unknown_authority_is_refused(
    transitions, key_id, serve, sending, await_log, authority, trusting
):
    wrong = (
        authority.issue_cert("other.com"),
        authority.issue_cert("shop.com", not_after=datetime(2020, 1, 1, tzinfo=UTC)),
        trustme.CA().issue_cert("shop.com"),
    )
    with sending(here, trusting):
        for certificate in wrong:
            url, _ = over_tls(serve, certificate)
            assert outcome(transitions, key_id, await_log, url) == (None, UNTRUSTED)


def test_a_server_without_tls_is_refused(transitions, key_id, receiver, sending, await_log, trusting):
    port = receiver.port
    with sending(here, trusting):
        assert outcome(transitions, key_id, await_log, f"https://shop.com:{port}/") == (None, UNTRUSTED)

    assert receiver.got == []
