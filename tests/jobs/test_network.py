"""Which URLs are refused, and with which text; and the networks of the operator.

The built-in tables of networks are tested in `tests/worker/fetch`.
"""

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jobs.network.addresses import AddressRules
from jobs.network.urls import InvalidUrl, UrlRules

RULES = UrlRules("80,443,1025-65535")
PUBLIC = "93.184.216.34"

REFUSED = [
    ("ftp://shop.com/cup.jpg", "must begin with http:// or https:// and a host"),
    ("shop.com/cup.jpg", "must begin with http:// or https:// and a host"),
    ("https://shop.com/my cup.jpg", "has a space, a backslash or a control character: write it %-encoded"),
    ("https://shop.com\\cup.jpg", "has a space, a backslash or a control character: write it %-encoded"),
    ("https://shop.com/cup\n.jpg", "has a space, a backslash or a control character: write it %-encoded"),
    (
        "https://münchen.de/tasse.jpg",
        "has letters beyond ASCII: write the host in its xn-- form and the rest %-encoded",
    ),
    ("https://me:pw@shop.com/", "has a user name in it: only images that need no login can be fetched"),
    ("https://shop.com:22/", "uses port 22, which is not allowed here"),
    ("https://shop.com:port/", "has no readable host and port"),
    ("https://shop..com/", "has a host that is not a name or an address"),
    (f"https://{'a.' * 127}com/", "has a host that is not a name or an address"),
    ("https://[::g]/", "has no readable host and port"),
    ("https://[1:2]/", "has a host that is not a name or an address"),
    ("https://0x7f.1/", "has a host that is a number: write an IPv4 address as 203.0.113.7"),
    (f"https://shop.com/{'a' * 4096}", "is a URL of 4,113 characters, at most 4,096 are allowed"),
]

URL_LIKE = st.from_regex(
    r"https?://[^/]{0,20}[@:/\\?#.%\[\]]{0,3}(shop\.com|127\.0\.0\.1|[^/]{0,9})(:[0-9]{0,6})?/?.*"
)


@pytest.mark.parametrize(("url", "text"), REFUSED)
def test_the_error_text_names_the_fault_of_the_url(url: str, text: str) -> None:
    with pytest.raises(InvalidUrl) as caught:
        RULES.target(url)
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://shop.com", ("https", "shop.com", 443, "/")),
        ("http://SHOP.com.:8080/A?b#c", ("http", "shop.com", 8080, "/A?b")),
        ("http://shop.com?b=/", ("http", "shop.com", 80, "/?b=/")),
        ("http://[2606:4700::0:1]:1025/", ("http", "2606:4700::1", 1025, "/")),
        (" \tHTTPS://Shop.com/A \r\n", ("https", "shop.com", 443, "/A")),
        ("http://my_shop-1.co.uk/%20", ("http", "my_shop-1.co.uk", 80, "/%20")),
    ],
)
def test_a_url_is_parsed_into_its_parts(url: str, target: tuple[str, str, int, str]) -> None:
    assert RULES.target(url) == target


@given(st.text() | URL_LIKE)
@example("http://xn--a.com/")
@example("http://shop.com/\ud800")
@settings(max_examples=300, deadline=None, derandomize=True)
def test_a_text_that_passes_means_the_same_host_to_httpx(text: str) -> None:
    try:
        target = RULES.target(text)
    except InvalidUrl:
        return
    read = httpx.URL(target.url)
    assert read.raw_host.decode() == target.host
    assert (read.port or {"http": 80, "https": 443}[read.scheme]) == target.port


def test_an_allowed_network_is_reached_although_it_is_private() -> None:
    rules = AddressRules(allow=("10.1.0.0/16", "fd00::/8"))
    assert rules.refusal("10.1.2.3") is None
    assert rules.refusal("fd00::1") is None
    assert rules.refusal(PUBLIC) is None
    assert rules.refusal("10.2.0.1") == "10.2.0.1 is private (RFC 1918)"


@pytest.mark.parametrize(
    "address", ["::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::127.0.0.1", "2002:7f00:1::"]
)
def test_an_allowed_ipv4_network_does_not_allow_its_disguises(address: str) -> None:
    assert AddressRules(allow=("127.0.0.0/8",)).refusal(address) is not None


def test_a_refused_network_is_not_reached_although_it_is_public() -> None:
    rules = AddressRules(refuse=("93.184.216.0/24",))
    assert rules.refusal(PUBLIC) == "93.184.216.34 is refused by the settings"
    assert rules.refusal("93.184.217.1") is None


def test_allowing_beats_refusing() -> None:
    assert AddressRules(allow=(PUBLIC,), refuse=("93.184.216.0/24",)).refusal(PUBLIC) is None


def test_a_private_name_reaches_allowed_networks_and_nothing_else() -> None:
    rules = AddressRules(allow=("10.0.0.0/8",))
    assert rules.refusal("10.0.0.1", private_name=True) is None
    assert rules.refusal(PUBLIC, private_name=True) is not None
    assert rules.refusal("192.168.0.1", private_name=True) is not None


def test_a_zone_is_refused_even_on_an_allowed_network() -> None:
    assert (
        AddressRules(allow=("fe80::/10",)).refusal("fe80::1%eth0") == "fe80::1%eth0 is bound to an interface"
    )
