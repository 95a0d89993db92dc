"""URLs of inputs: which are refused, and with which text."""

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jobs.network.urls import InvalidUrl, UrlRules

RULES = UrlRules("80,443,1025-65535")

TOLD = [
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


@pytest.mark.parametrize(("url", "text"), TOLD)
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
def test_an_address_is_taken_apart(url: str, target: tuple[str, str, int, str]) -> None:
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
