"""The address under which calls are rate-limited."""

import pytest
from fastapi import Request

from api.admission import client_address


def request_from(client):
    return Request({"type": "http", "client": client})


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
    assert client_address(request_from((host, 1))) == address


def test_a_client_without_an_address_is_local():
    assert client_address(request_from(None)) == "local"
