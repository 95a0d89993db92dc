"""Which details reach the client, the log and the next server."""

import logging
import socket

import pytest

from tests.worker.fetch.answers import requests, response, says
from worker.fetch import Fetcher, FetchError, FetchRules


def test_nothing_is_carried_from_one_fetch_to_the_next(serve, fetcher, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login us password secret")
    monkeypatch.setenv("NETRC", str(netrc))
    heads: list[bytes] = []

    def answer(connection: socket.socket) -> None:
        for head in requests(connection):
            heads.append(head.lower())
            connection.sendall(response(headers="set-cookie: a=1\r\ncontent-length: 9\r\n"))

    url = serve(answer).url
    fetcher.get(url, field="mask")
    fetcher.get(url, field="mask")
    assert heads[0] == heads[1]
    assert b"accept-encoding: identity" in heads[0]
    assert b"cookie" not in heads[1]
    assert b"authorization" not in heads[1]


def test_neither_the_text_nor_the_log_shows_a_query_or_a_password(serve, fetcher, caplog):
    caplog.set_level(logging.DEBUG)
    server = serve(says(response(status="403 Forbidden")))
    texts = []
    for url in (f"{server.url}?token=secret#secret", f"http://us:secret@127.0.0.1:{server.port}/"):
        with pytest.raises(FetchError) as caught:
            fetcher.get(url, field="overlay_image")
        texts.append(str(caught.value))
    assert "secret" not in "".join(texts) + caplog.text
    assert texts[0] == (
        f"overlay_image: {server.url} answered 403 instead of the image: its server wants a login, "
        "or takes us for a bot; open it to all, or send the image"
    )
    assert [record.getMessage() for record in caplog.records if record.name == "superimpose.fetch"] == [
        f"overlay_image: {server.url} was not fetched: status 403",
        "overlay_image: the address was not fetched: the address has a user name in it: "
        "only images that need no login can be fetched",
    ]


def test_the_log_has_the_details_that_the_text_omits(caplog):
    caplog.set_level(logging.INFO, "superimpose.fetch")
    with (
        Fetcher(FetchRules(), resolve=lambda *_: ["10.1.2.3"]) as fetcher,
        pytest.raises(FetchError) as caught,
    ):
        fetcher.get("http://shop.com/", field="mask")
    assert "10.1.2.3 is private (RFC 1918)" in caplog.text
    assert "10.1.2.3" not in str(caught.value)


def test_text_from_servers_is_one_short_line_in_the_log(caplog):
    def resolve(_host: str, _port: int) -> list[str]:
        raise OSError("first line\nsecond line \x1b[31m" * 1000)

    caplog.set_level(logging.INFO, "superimpose.fetch")
    with Fetcher(FetchRules(), resolve=resolve) as fetcher, pytest.raises(FetchError):
        fetcher.get("http://shop.com/", field="mask")
    line = caplog.records[-1].getMessage()
    assert line.isprintable()
    assert len(line) < 500


def test_a_long_address_is_shown_shortened():
    with Fetcher(FetchRules(), resolve=lambda *_: []) as fetcher, pytest.raises(FetchError) as caught:
        fetcher.get(f"http://shop.com/{'a' * 4000}", field="mask")
    assert f"http://shop.com/{'a' * 184}... cannot be fetched from here" in str(caught.value)
