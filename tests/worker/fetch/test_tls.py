"""Certificates are verified against the host name in the URL."""

import ssl

import pytest
import trustme

from tests.worker.fetch.answers import redirects, response, says
from tests.worker.fetch.conftest import LOOPBACK
from worker.fetch import Fetcher, FetchError, FetchRules

NO_CERTIFICATE = "has no valid TLS certificate for its name"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def secure(authority: trustme.CA) -> Fetcher:
    """Trusts the tests' authority; every name resolves to this host."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return Fetcher(FetchRules(allow_networks=LOOPBACK), resolve=lambda *_: ["127.0.0.1"], ssl_context=context)


def server_tls(issuer: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issuer.issue_cert(*names).configure_cert(context)
    return context


def test_a_certificate_for_the_name_is_accepted_and_the_connection_reused(authority, secure, serve):
    server = serve(says(response()), server_tls(authority, "shop.com"))
    with secure as fetcher:
        for host in ("shop.com", "SHOP.com."):
            assert fetcher.get(f"https://{host}:{server.port}/", field="mask").data == b"a picture"
    assert server.connections == 1


def test_the_server_receives_the_host_name_and_not_the_address(authority, secure, serve):
    names: list[str | None] = []
    tls = server_tls(authority, "shop.com")
    tls.sni_callback = lambda _socket, name, _context: names.append(name)
    server = serve(says(response()), tls)
    with secure as fetcher:
        fetcher.get(f"https://shop.com:{server.port}/", field="mask")
    assert names == ["shop.com"]


@pytest.mark.parametrize("name", ["other.com", "shop.com.evil.com", "*.com.shop.com", "127.0.0.1"])
def test_a_certificate_for_another_name_is_refused(name, authority, secure, serve):
    server = serve(says(response()), server_tls(authority, name))
    with secure as fetcher, pytest.raises(FetchError, match=NO_CERTIFICATE) as caught:
        fetcher.get(f"https://shop.com:{server.port}/", field="mask")
    assert not caught.value.transient


def test_a_certificate_of_an_unknown_authority_is_refused(secure, serve):
    server = serve(says(response()), server_tls(trustme.CA(), "shop.com"))
    with secure as fetcher, pytest.raises(FetchError, match=NO_CERTIFICATE):
        fetcher.get(f"https://shop.com:{server.port}/", field="mask")


def test_a_server_without_tls_is_refused(secure, serve):
    server = serve(lambda connection: connection.sendall(response()))
    with secure as fetcher, pytest.raises(FetchError, match=NO_CERTIFICATE):
        fetcher.get(f"https://shop.com:{server.port}/", field="mask")


def test_a_redirect_from_https_to_http_is_refused(authority, secure, serve):
    plain = serve(says(response()))
    server = serve(says(redirects(plain.url)), server_tls(authority, "shop.com"))
    with secure as fetcher, pytest.raises(FetchError, match="redirects from https to http"):
        fetcher.get(f"https://shop.com:{server.port}/", field="mask")
    assert plain.connections == 0


def test_the_environment_cannot_add_an_authority(authority, serve, monkeypatch):
    server = serve(says(response()), server_tls(authority, "127.0.0.1"))
    with authority.cert_pem.tempfile() as path:
        monkeypatch.setenv("SSL_CERT_FILE", path)
        fetcher = Fetcher(FetchRules(allow_networks=LOOPBACK))
    with fetcher, pytest.raises(FetchError, match=NO_CERTIFICATE):
        fetcher.get(server.url, field="mask")
