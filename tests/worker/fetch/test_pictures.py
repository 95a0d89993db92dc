"""What an honest caller gets."""

import gzip
import socket
from http import HTTPStatus

import pytest

from tests.worker.fetch.answers import redirects, requests, response, says
from tests.worker.fetch.conftest import Serve
from worker.fetch import Fetcher, FetchError


def typed(content_type: str) -> bytes:
    return response(headers=f"content-type: {content_type}\r\ncontent-length: 9\r\n")


def test_the_bytes_arrive_as_they_were_sent(serve: Serve, fetcher: Fetcher) -> None:
    body = bytes(range(256)) * 2000
    assert fetcher.get(serve(says(response(body))).url, field="base_image") == body


@pytest.mark.parametrize(
    "content_type",
    [
        "image/png",
        "IMAGE/JPEG; charset=binary",
        "application/octet-stream",
        "binary/octet-stream",
        "text/plain",
        "",
    ],
)
def test_types_that_real_servers_give_to_pictures_are_tolerated(
    content_type: str, serve: Serve, fetcher: Fetcher
) -> None:
    assert fetcher.get(serve(says(typed(content_type))).url, field="mask") == b"a picture"


def test_a_missing_type_is_tolerated(serve: Serve, fetcher: Fetcher) -> None:
    assert fetcher.get(serve(says(response())).url, field="mask") == b"a picture"


@pytest.mark.parametrize("content_type", ["text/html", "TEXT/HTML; charset=utf-8", "application/xhtml+xml"])
def test_a_web_page_is_refused_with_advice(content_type: str, serve: Serve, fetcher: Fetcher) -> None:
    server = serve(says(typed(content_type)))
    with pytest.raises(FetchError) as caught:
        fetcher.get(server.url, field="base_image")
    assert str(caught.value) == (
        f"base_image: {server.url} is a web page, not an image: give the image's own address"
    )
    assert not caught.value.transient


def test_chunks_and_a_body_that_ends_with_the_connection_are_read(serve: Serve, fetcher: Fetcher) -> None:
    chunked = response(b"5\r\na pic\r\n4\r\nture\r\n0\r\n\r\n", headers="transfer-encoding: chunked\r\n")
    until_close = response(headers="connection: close\r\n")
    assert fetcher.get(serve(says(chunked)).url, field="mask") == b"a picture"
    assert fetcher.get(serve(says(until_close, close=True)).url, field="mask") == b"a picture"


def test_a_body_that_comes_gzipped_all_the_same_is_unpacked(serve: Serve, fetcher: Fetcher) -> None:
    body = gzip.compress(b"a picture" * 1000)
    head = f"content-encoding: gzip\r\ncontent-length: {len(body)}\r\n"
    assert fetcher.get(serve(says(response(body, headers=head))).url, field="mask") == b"a picture" * 1000


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed_to_where_it_points(status: int, serve: Serve, fetcher: Fetcher) -> None:
    target = serve(says(response()))
    start = serve(says(redirects(target.url, f"{status} {HTTPStatus(status).phrase}")))
    assert fetcher.get(start.url, field="mask") == b"a picture"


@pytest.mark.parametrize("location", ["/b c.jpg", "b%20c.jpg", "?größe=1", "//127.0.0.1:{port}/b", "#top"])
def test_a_relative_or_carelessly_written_redirect_is_followed(
    location: str, serve: Serve, fetcher: Fetcher
) -> None:
    paths: list[bytes] = []

    def answer(connection: socket.socket) -> None:
        for head in requests(connection):
            paths.append(head.split()[1])
            first = len(paths) == 1
            connection.sendall(redirects(location.format(port=server.port)) if first else response())

    server = serve(answer)
    assert fetcher.get(server.url, field="mask") == b"a picture"
    assert paths[1].isascii()


def test_three_redirects_are_followed_and_a_fourth_is_not(serve: Serve, fetcher: Fetcher) -> None:
    urls = [serve(says(response())).url]
    for _ in range(4):
        urls.append(serve(says(redirects(urls[-1]))).url)
    assert fetcher.get(urls[3], field="mask") == b"a picture"
    with pytest.raises(FetchError, match="redirects too often: give the image's own address"):
        fetcher.get(urls[4], field="mask")
