"""Whose word counts for where a call came from, and what URLs are made of."""

import json

import pytest
from pydantic import ValidationError

from jobs.config.settings import Settings
from tests.edge import head, read_to_end, refusal, serving, submit

BODY = b'{"base_image": "http://a.example/a.png", "overlay_image": "http://a.example/a.png"}'
PROXY, STRANGER = "127.0.1.9", "127.0.0.1"  # all of 127.0.0.0/8 is this machine
FORWARDED = {
    "x_forwarded_for": "203.0.113.9",
    "x_forwarded_proto": "https",
    "x_forwarded_host": "evil.example",
}


@pytest.fixture(scope="module")
def edge(redis_socket, tmp_path_factory):
    """What tells callers what it sees of them."""
    folder = tmp_path_factory.mktemp("mirror")
    trusted = "127.0.1.0/24, 10.0.0.0/8, 2001:db8::7"
    with serving(redis_socket, folder, "tests.api.http.mirror", trusted_proxies=trusted) as edge:
        yield edge


def seen(edge, source, **headers):
    with edge.connect(source) as connection:
        connection.sendall(head("/livez", connection="close", **headers))
        return json.loads(read_to_end(connection).partition(b"\r\n\r\n")[2])


def test_a_stranger_is_not_believed(edge):
    assert seen(edge, STRANGER, **FORWARDED) == {"address": STRANGER, "origin": "http://here"}


def test_a_trusted_proxy_is_believed_but_for_the_host(edge):
    assert seen(edge, PROXY, **FORWARDED) == {"address": "203.0.113.9", "origin": "https://here"}


@pytest.mark.parametrize(
    ("chain", "address"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("203.0.113.9, 10.1.2.3", "203.0.113.9"),
        ("203.0.113.9, 10.1.2.3, 2001:db8::7", "203.0.113.9"),
        ("198.51.100.1, 203.0.113.9", "203.0.113.9"),  # the first is what the client itself wrote
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
def test_the_client_is_the_last_address_that_is_no_proxy(edge, chain, address):
    assert seen(edge, PROXY, x_forwarded_for=chain)["address"] == address


@pytest.mark.parametrize("proto", ["javascript", "HTTPS://evil", "", "file"])
def test_a_scheme_that_is_none_of_ours_is_not_taken_over(edge, proto):
    assert seen(edge, PROXY, x_forwarded_proto=proto)["origin"] == "http://here"


@pytest.mark.parametrize("proxies", ["*", "proxy.example", "10.0.0.0/40"])
def test_proxies_are_networks_and_never_everybody(proxies):
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
def test_urls_begin_with_the_host_the_client_asked_for(api, host):
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
def test_a_host_that_no_url_can_have_is_a_400_and_accepts_nothing(api, host):
    accepted = api.log.count("accepted")
    status, answer = refusal(submitted(api, host))

    assert (status, answer["code"]) == (400, "invalid_host")
    assert api.log.count("accepted") == accepted


@pytest.mark.parametrize("host", ["evil.example", 'evil"><script>'])
def test_with_a_public_url_the_host_is_nobodys_business(public, host):
    answer = submitted(public, host)

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"evil" not in answer
    assert b'"status_url":"https://pictures.example/v2/requests/' in answer
