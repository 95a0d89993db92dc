"""The results of ordinary fetches."""

import gzip
import socket
import zlib
from http import HTTPStatus

import pytest

from jobs.pictures.inputs import sample_bytes
from tests.worker.fetch.answers import redirects, requests, response, says
from tests.worker.fetch.conftest import LOOPBACK, TLS
from worker.fetch import Fetcher, FetchError, FetchRules

PNG = sample_bytes("logo.png") or b""
JPEG = sample_bytes("cup.jpg") or b""
WEBP = b"RIFF\x10\0\0\0WEBPVP8L" + bytes(50)


def raw_deflate(data: bytes) -> bytes:
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return deflater.compress(data) + deflater.flush()


def labelled(body: bytes, **headers: str) -> bytes:
    fields = {"content-length": str(len(body)), **headers}
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    return response(body, headers=lines)


def typed(content_type: str) -> bytes:
    return response(headers=f"content-type: {content_type}\r\ncontent-length: 9\r\n")


def test_the_bytes_are_returned_as_they_were_sent(serve, fetcher):
    body = bytes(range(256)) * 2000
    assert fetcher.get(serve(says(response(body))).url, field="base_image").data == body


@pytest.mark.parametrize(
    "content_type",
    [
        "image/png",
        "IMAGE/JPEG; charset=binary",
        "text/html; charset=utf-8",
        "application/json",
        "application/pdf",
        "application/octet-stream",
        "binary/octet-stream",
        "text/plain",
        "",
    ],
)
def test_a_picture_is_accepted_with_any_content_type(content_type, serve, fetcher):
    answer = labelled(PNG, content_type=content_type)
    assert fetcher.get(serve(says(answer)).url, field="mask").data == PNG


def test_a_missing_content_type_is_accepted(serve, fetcher):
    assert fetcher.get(serve(says(response())).url, field="mask").data == b"a picture"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"\xef\xbb\xbf \r\n<!doctype HTML>", "a web page"),
        (b"<html lang='en'>", "a web page"),
        (b"<?xml version='1.0'?>\n<!DOCTYPE html PUBLIC>", "a web page"),
        (b"<!-- cached --><!-- 1 -->\n<head>", "a web page"),
        (b'{"error": "gone"}', "JSON data"),
        (b"[\n {}]", "JSON data"),
        (b"{}", "JSON data"),
        (b"%PDF-1.7", "a PDF document"),
    ],
)
@pytest.mark.parametrize("content_type", ["image/png", "text/html"])
def test_a_body_that_is_not_a_picture_is_refused_whatever_its_content_type(
    body, kind, content_type, serve, fetcher
):
    server = serve(says(labelled(body, content_type=content_type)))
    with pytest.raises(FetchError) as caught:
        fetcher.get(server.url, field="base_image")
    assert str(caught.value) == (
        f"base_image: {server.url} is {kind}, not an image: give the image's own address"
    )
    assert not caught.value.transient


def test_a_page_that_starts_with_endless_comments_is_checked_quickly(serve, fetcher):
    body = b"<!---->" * 5000
    assert fetcher.get(serve(says(labelled(body))).url, field="mask").data == body


def test_chunks_and_a_body_that_ends_with_the_connection_are_read(serve, fetcher):
    chunked = response(b"5\r\na pic\r\n4\r\nture\r\n0\r\n\r\n", headers="transfer-encoding: chunked\r\n")
    until_close = response(headers="connection: close\r\n")
    assert fetcher.get(serve(says(chunked)).url, field="mask").data == b"a picture"
    assert fetcher.get(serve(says(until_close, close=True)).url, field="mask").data == b"a picture"


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(JPEG)),
        ("X-GZIP", gzip.compress(JPEG)),
        ("aws-chunked, gzip", gzip.compress(JPEG)),
        ("deflate", zlib.compress(JPEG)),
        ("deflate", raw_deflate(JPEG)),
    ],
)
def test_a_body_compressed_without_request_is_decompressed(coding, body, serve, fetcher):
    answer = labelled(body, content_encoding=coding)
    assert fetcher.get(serve(says(answer)).url, field="mask").data == JPEG


@pytest.mark.parametrize("behind", [b"x", gzip.compress(JPEG)], ids=["a byte", "another stream"])
def test_bytes_after_a_compressed_body_are_ignored(behind, serve, fetcher):
    long = JPEG + bytes(300_000)  # more than is inflated at a time
    answer = labelled(gzip.compress(long) + behind, content_encoding="gzip")
    assert fetcher.get(serve(says(answer)).url, field="mask").data == long


@pytest.mark.parametrize(
    "coding",
    [
        *("none", "utf-8", "binary", "aws-chunked", "identity", "", "x" * 5000),
        *("gzip", "deflate", "br", "zstd", "compress", "gzip, gzip"),
    ],
)
@pytest.mark.parametrize("picture", [PNG, JPEG, WEBP], ids=["png", "jpeg", "webp"])
def test_an_uncompressed_picture_is_accepted_with_any_content_encoding(coding, picture, serve, fetcher):
    answer = labelled(picture, content_encoding=coding)
    assert fetcher.get(serve(says(answer)).url, field="mask").data == picture


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed(status, serve, fetcher):
    target = serve(says(response()))
    start = serve(says(redirects(target.url, f"{status} {HTTPStatus(status).phrase}")))
    assert fetcher.get(start.url, field="mask").data == b"a picture"


@pytest.mark.parametrize("location", ["/b c.jpg", "b%20c.jpg", "?größe=1", "//127.0.0.1:{port}/b", "#top"])
def test_a_relative_or_carelessly_written_redirect_is_followed(location, serve, fetcher):
    paths: list[bytes] = []

    def answer(connection: socket.socket) -> None:
        for head in requests(connection):
            paths.append(head.split()[1])
            first = len(paths) == 1
            connection.sendall(redirects(location.format(port=server.port)) if first else response())

    server = serve(answer)
    assert fetcher.get(server.url, field="mask").data == b"a picture"
    assert paths[1].isascii()


def test_ten_redirects_are_followed_and_an_eleventh_is_not(serve, fetcher):
    urls = [serve(says(response())).url]
    for _ in range(11):
        urls.append(serve(says(redirects(urls[-1]))).url)
    assert fetcher.get(urls[10], field="mask").data == b"a picture"
    with pytest.raises(FetchError, match="redirects too often: give the image's own address"):
        fetcher.get(urls[11], field="mask")


def test_requests_have_a_user_agent(serve):
    heads: list[bytes] = []

    def answer(connection: socket.socket) -> None:
        for head in requests(connection):
            heads.append(head)
            connection.sendall(response())

    url = serve(answer).url
    rules = FetchRules(allow_networks=LOOPBACK, user_agent="shop/1 (+https://shop.example/bot)")
    with Fetcher(rules, ssl_context=TLS) as fetcher:
        fetcher.get(url, field="mask")
    assert b"user-agent: shop/1 (+https://shop.example/bot)" in heads[0].lower()


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("/a/../cup.jpg", "/cup.jpg"),
        ("/../../cup.jpg", "/cup.jpg"),
        ("/a/%2E%2e/./cup.jpg", "/cup.jpg"),
        ("/a/..", "/"),
        ("/a//b/..c?d=/../e", "/a//b/..c?d=/../e"),
        ("/{a}?b={c}|d", "/%7Ba%7D?b={c}|d"),
    ],
)
def test_a_path_is_sent_as_browsers_send_it(path, sent, serve, fetcher):
    targets = []

    def answer(connection: socket.socket) -> None:
        for head in requests(connection):
            targets.append(head.split()[1].decode())
            connection.sendall(response(PNG))

    server = serve(answer)
    fetcher.get(server.url.replace("/cup.jpg", path), field="mask")
    assert targets == [sent]
