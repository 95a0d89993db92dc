"""Addresses of clients, forwarded headers of proxies, and the origin of URLs in responses."""

import json

import pytest
from fastapi import Request
from pydantic import ValidationError

from api.admission import client_address
from jobs.config.settings import Settings
from tests.edge import head, read_to_end, refusal, serving, submit

BODY = b'{"base_image": "http://a.example/a.png", "overlay_image": "http://a.example/a.png"}'
PROXY, STRANGER = "127.0.1.9", "127.0.0.1"  # all of 127.0.0.0/8 is loopback
FORWARDED = {
    "x_forwarded_for": "203.0.113.9",
    "x_forwarded_proto": "https",
    "x_forwarded_host": "evil.example",
}


@pytest.fixture(scope="module")
def edge(redis_socket, tmp_path_factory):
    """A server that returns the address and scheme that it sees."""
    folder = tmp_path_factory.mktemp("mirror")
    trusted = "127.0.1.0/24, 10.0.0.0/8, 2001:db8::7"
    with serving(redis_socket, folder, "tests.api.http.mirror", trusted_proxies=trusted) as edge:
        yield edge


def seen(edge, source, **headers):
    with edge.connect(source) as connection:
        connection.sendall(head("/livez", connection="close", **headers))
        return json.loads(read_to_end(connection).partition(b"\r\n\r\n")[2])


def test_forwarded_headers_of_an_untrusted_peer_are_ignored(edge):
    assert seen(edge, STRANGER, **FORWARDED) == {"address": STRANGER, "origin": "http://here"}


def test_forwarded_headers_of_a_trusted_proxy_are_used_except_the_host(edge):
    assert seen(edge, PROXY, **FORWARDED) == {"address": "203.0.113.9", "origin": "https://here"}


@pytest.mark.parametrize(
    ("chain", "address"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("203.0.113.9, 10.1.2.3", "203.0.113.9"),
        ("203.0.113.9, 10.1.2.3, 2001:db8::7", "203.0.113.9"),
        ("198.51.100.1, 203.0.113.9", "203.0.113.9"),  # the first address was sent by the client itself
        ("127.0.0.1, 203.0.113.9, 10.1.2.3", "203.0.113.9"),
        ("10.9.9.9, 203.0.113.9", "203.0.113.9"),
        ("203.0.113.9:4711", "203.0.113.9"),
        ("[2001:db8:1:2::3]:4711", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("198.51.100.1, unknown", "unknown"),
        ('198.51.100.1, "><script>', "unknown"),
        ("", PROXY),
    ],
)
def test_the_client_is_the_last_address_before_proxies(edge, chain, address):
    assert seen(edge, PROXY, x_forwarded_for=chain)["address"] == address


@pytest.mark.parametrize("proto", ["javascript", "HTTPS://evil", "", "file"])
def test_a_forwarded_scheme_other_than_http_and_https_is_ignored(edge, proto):
    assert seen(edge, PROXY, x_forwarded_proto=proto)["origin"] == "http://here"


@pytest.mark.parametrize("proxies", ["*", "proxy.example", "10.0.0.0/40"])
def test_a_trusted_proxy_must_be_a_network_and_not_everything(proxies):
    with pytest.raises(ValidationError, match="trusted_proxies"):
        Settings(trusted_proxies=proxies)


@pytest.fixture(scope="module")
def api(redis_socket, tmp_path_factory):
    with serving(redis_socket, tmp_path_factory.mktemp("host"), "cli", "api") as edge:
        yield edge
        assert "Traceback" not in edge.log


@pytest.fixture(scope="module")
def public(redis_socket, tmp_path_factory):
    """An API whose URLs are configured."""
    folder = tmp_path_factory.mktemp("public")
    with serving(redis_socket, folder, "cli", "api", public_url="https://pictures.example") as edge:
        yield edge


def submitted(edge, host):
    return edge.exchange(submit(host=host, content_length=len(BODY), connection="close") + BODY)


@pytest.mark.parametrize(
    "host", ["shop.example", "SHOP.example:8443", "192.0.2.7:80", "[2001:db8::1]:8000", "a_b"]
)
def test_urls_begin_with_the_host_of_the_request(api, host):
    answer = json.loads(submitted(api, host).partition(b"\r\n\r\n")[2])

    assert answer["status_url"] == f"http://{host}/v2/requests/{answer['request_id']}/status"


@pytest.mark.parametrize(
    "host",
    [
        'evil"><script>',
        "user@evil.example",
        "evil.example/path",
        "evil.example?x",
        "evil.example#x",
        "evil example",
        "evil.example\\",
        "evil.example:80:80",
        "evil.example:port",
        "evil.example:123456",
        "[::1",
        "[evil]",
        "evil%00",
        "caf\xe9.example",
        "a" * 300,
        "",
    ],
)
def test_an_invalid_host_is_a_400_and_nothing_is_accepted(api, host):
    accepted = api.log.count("accepted")
    status, answer = refusal(submitted(api, host))

    assert (status, answer["code"]) == (400, "invalid_host")
    assert api.log.count("accepted") == accepted


@pytest.mark.parametrize("host", ["evil.example", 'evil"><script>'])
def test_with_a_public_url_the_host_header_is_ignored(public, host):
    answer = submitted(public, host)

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"evil" not in answer
    assert b'"status_url":"https://pictures.example/v2/requests/' in answer


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("::1", "::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("::ffff:cb00:7109", "203.0.113.9"),
        ("203.0.113.09", "unknown"),
        ("_hidden", "unknown"),
        ("", "unknown"),
    ],
)
def test_a_client_is_counted_by_ipv4_address_or_ipv6_network(host, address):
    assert client_address(Request({"type": "http", "client": (host, 1)})) == address


def test_a_client_without_an_address_is_local():
    assert client_address(Request({"type": "http", "client": None})) == "local"
