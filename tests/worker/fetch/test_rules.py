"""The effects of the operator's settings."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.jobs.test_network import URL_LIKE
from tests.worker.fetch.answers import response, says
from tests.worker.fetch.conftest import LOOPBACK, TLS
from worker.fetch import Fetcher, FetchError, FetchRules


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.", "images", "cup.test"])
def test_a_private_name_is_fetched_if_all_its_addresses_are_allowed(host, serve):
    server = serve(says(response()))
    with Fetcher(FetchRules(allow_networks=LOOPBACK), resolve=lambda *_: ["127.0.0.1"]) as fetcher:
        assert fetcher.get(f"http://{host}:{server.port}/", field="mask").data == b"a picture"


def test_our_own_host_is_fetched_if_its_network_is_allowed(serve):
    server = serve(says(response()))
    with Fetcher(FetchRules(allow_networks=LOOPBACK, refuse_hosts=("127.0.0.1",))) as fetcher:
        assert fetcher.get(server.url, field="mask").data == b"a picture"


def test_only_allowed_hosts_are_fetched_if_any_are_configured(serve):
    port = serve(says(response())).port
    rules = FetchRules(allow_networks=LOOPBACK, allow_hosts=("*.shop.com",))
    with Fetcher(rules, resolve=lambda *_: ["127.0.0.1"]) as fetcher:
        assert fetcher.get(f"http://cdn.shop.com:{port}/", field="mask").data == b"a picture"
        with pytest.raises(FetchError, match="cannot be fetched from here"):
            fetcher.get(f"http://shop.com.evil.com:{port}/", field="mask")


@pytest.mark.parametrize(
    "rules",
    [
        FetchRules(allow_networks=("10.0.0.300",)),
        FetchRules(allow_networks=("10.0.0.1/8",)),
        FetchRules(refuse_networks=("our.host.com",)),
        FetchRules(allow_hosts=("https://shop.com",)),
        FetchRules(allow_hosts=("*",)),
        FetchRules(allow_hosts=("cdn.*.com",)),
        FetchRules(refuse_hosts=("",)),
        FetchRules(ports="http"),
        FetchRules(ports="80,"),
    ],
)
def test_invalid_rules_are_refused_at_once(rules):
    with pytest.raises(ValueError, match=r"10\.0\.0|our\.host|shop\.com|\*|''|must be ports"):
        Fetcher(rules)


def test_any_text_as_a_url_raises_a_fetch_error():
    rules = FetchRules(allow_hosts=("shop.com",))
    with Fetcher(rules, resolve=lambda *_: [], ssl_context=TLS) as fetcher:

        @given(st.text() | URL_LIKE)
        @settings(max_examples=150, deadline=None, derandomize=True)
        def check(text: str) -> None:
            with pytest.raises(FetchError):
                fetcher.get(text, field="mask")

        check()
