"""Hostile and broken servers: each response ends the fetch with an error that names the cause."""

import gzip
import socket
import time
import tracemalloc
import zlib
from email.utils import formatdate

import pytest

from tests.worker.fetch.answers import Answer, redirects, repeats, requests, response, says
from tests.worker.fetch.conftest import LOOPBACK, TLS
from worker.fetch import Fetcher, FetchError, FetchRules

CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
BODY_FOR_EVER = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n"
GZIPPED = "content-encoding: gzip\r\nconnection: close\r\n"
GZIPPED_CHUNKS = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n"
PACKER = zlib.compressobj(wbits=-15)
PACKED = 100 * (PACKER.compress(bytes(1_000_000)) + PACKER.flush(zlib.Z_FULL_FLUSH))
"""A hundred megabytes, deflated one at a time because each run loads this; the checksum is never reached."""
BOMB = b"\x1f\x8b\x08\0\0\0\0\0\0\x03" + PACKED
DEFLATED = "content-encoding: deflate\r\nconnection: close\r\n"
DEFLATE_BOMB = b"\x78\x9c" + PACKED
EMPTY_BLOCK = b"\0\0\0\xff\xff"


def error_of(fetcher: Fetcher, url: str) -> FetchError:
    with pytest.raises(FetchError) as caught:
        fetcher.get(url, field="mask")
    return caught.value


def bad_status(status: str) -> Answer:
    return says(response(status=status))


TOO_LARGE = {
    "10 GB declared": says(response(headers=f"content-length: {10 * 2**30}\r\n")),
    "one byte too many declared": says(response(headers="content-length: 1000001\r\n")),
    "chunks for ever": repeats(CHUNKED, b"1000\r\n" + bytes(4096) + b"\r\n"),
    "tiny chunks for ever": repeats(CHUNKED, b"80\r\n" + bytes(128) + b"\r\n"),
    "a body for ever": repeats(BODY_FOR_EVER, bytes(4096)),
    "a gzip bomb": says(response(BOMB, headers=GZIPPED)),
    "a deflate bomb": says(response(DEFLATE_BOMB, headers=DEFLATED)),
    "a raw deflate bomb": says(response(DEFLATE_BOMB[2:], headers=DEFLATED)),
    "compressed nothing for ever": repeats(response(b"\x78\x9c", headers=DEFLATED), EMPTY_BLOCK * 1000),
    "a gzip bomb in chunks": says(GZIPPED_CHUNKS, b"%x\r\n" % len(BOMB), BOMB),
}


@pytest.mark.parametrize("answer", TOO_LARGE.values(), ids=TOO_LARGE)
def test_a_body_beyond_the_limit_is_refused(answer, serve, fetcher):
    url = serve(answer).url
    error = error_of(fetcher, url)
    assert str(error) == f"mask: {url} is larger than 1,000,000 bytes: send a smaller image"
    assert error.code == "image_too_large"
    assert not error.transient


def peak_memory_of(fetcher: Fetcher, url: str) -> int:
    tracemalloc.start()
    try:
        assert error_of(fetcher, url).code == "image_too_large"
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return peak


@pytest.mark.parametrize("bomb", ["a gzip bomb", "a deflate bomb", "a raw deflate bomb"])
def test_a_decompression_bomb_takes_at_most_twice_the_limit_of_memory(bomb, serve, fetcher):
    assert peak_memory_of(fetcher, serve(TOO_LARGE[bomb]).url) < 2_000_000


def test_chunks_of_two_bytes_take_no_more_memory_than_large_ones(serve):
    url = serve(repeats(CHUNKED, b"2\r\nxx\r\n" * 1000)).url
    rules = FetchRules(allow_networks=LOOPBACK, max_bytes=100_000, total_timeout_s=120)
    with Fetcher(rules, ssl_context=TLS) as fetcher:
        assert peak_memory_of(fetcher, url) < 1_000_000


BROKEN = {
    "fewer bytes than declared": says(response(headers="content-length: 10\r\n"), close=True),
    "a chunk that ends early": says(CHUNKED + b"10\r\nshort", close=True),
    "chunks without an end": says(CHUNKED + b"5\r\nshort\r\n", close=True),
    "a chunk of no size": says(CHUNKED + b"xyz\r\nshort\r\n"),
    "two lengths": says(response(headers="content-length: 9\r\ncontent-length: 8\r\n")),
    "a negative length": says(response(headers="content-length: -1\r\n")),
    "a length of 300 digits": says(response(headers=f"content-length: {'9' * 300}\r\n")),
    "a length that is no number": says(response(headers="content-length: 1e9\r\n")),
    "a header without a colon": says(response(headers="nonsense\r\n")),
    "a header of a megabyte": says(response(headers=f"x: {'a' * 1_000_000}\r\n")),
    "no HTTP": says(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"),
    "a picture without HTTP": says(b"\x89PNG\r\n\x1a\n" * 1000, close=True),
    "a status of four digits": says(response(status="2000 OK")),
    "nothing": says(b"", close=True),
    "half a head": says(b"HTTP/1.1 200 OK\r\ncontent-", close=True),
    "gzip that is none": says(response(b"\x1f\x8b a picture", headers=GZIPPED), close=True),
    "deflate that is none": says(response(b"\x78\x9c a picture", headers=DEFLATED), close=True),
    "deflate that ends early": says(response(zlib.compress(b"a picture")[:-4], headers=DEFLATED), close=True),
    "gzip that ends early": says(response(gzip.compress(b"a picture")[:-4], headers=GZIPPED), close=True),
}


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN)
def test_a_broken_response_is_transient(answer, serve, fetcher):
    error = error_of(fetcher, serve(answer).url)
    assert "broke off before the image was complete" in str(error)
    assert error.code == "fetch_failed"
    assert error.transient


def test_a_reset_connection_is_transient(serve, fetcher):
    def answer(connection: socket.socket) -> None:
        next(requests(connection))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")

    assert error_of(fetcher, serve(answer).url).transient


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        ("401 Who", "it needs a login; give an address that opens without one, or send the image itself"),
        (
            "403 No",
            "its server wants a login, or takes us for a bot; open it to all, or send the image",
        ),
        ("404 Not Found", "nothing is there; check the address"),
        ("410 Gone", "nothing is there any more; give another address"),
        ("400 Bad", "check that the address opens in a browser that is not logged in"),
        ("204 Empty", "check that the address opens in a browser that is not logged in"),
    ],
)
def test_a_client_error_is_permanent_and_the_text_says_what_to_do(status, advice, serve, fetcher):
    error = error_of(fetcher, serve(bad_status(status)).url)
    assert str(error).endswith(f"answered {status[:3]} instead of the image: {advice}")
    assert not error.transient


@pytest.mark.parametrize("status", ["206 Part", "304 Not Modified", "300 Choose", "302 Lost", "999 What"])
def test_any_status_but_200_is_refused(status, serve, fetcher):
    assert f"answered {status[:3]} instead" in str(error_of(fetcher, serve(bad_status(status)).url))


@pytest.mark.parametrize("status", ["500 Oops", "502 Gateway", "503 Busy", "429 Slow down", "408 Timeout"])
def test_a_server_error_is_transient(status, serve, fetcher):
    error = error_of(fetcher, serve(bad_status(status)).url)
    assert f"answered {status[:3]} instead of the image: try again later" in str(error)
    assert error.transient


@pytest.mark.parametrize("status", ["429 Slow down", "503 Busy"])
@pytest.mark.parametrize(
    ("retry_after", "wait_s"),
    [
        ("7", 7),
        ("999999999999", 86_400),
        ("-1", 0),
        ("soon", 0),
        ("", 0),
        ("Mon, 01 Jan 0000 00:00:00 GMT", 0),
    ],
)
def test_retry_after_in_seconds_is_honoured(status, retry_after, wait_s, serve, fetcher):
    head = f"retry-after: {retry_after}\r\ncontent-length: 9\r\n"
    error = error_of(fetcher, serve(says(response(status=status, headers=head))).url)
    advice = f"try again in {wait_s:,} s, as its server says" if wait_s else "try again later"
    assert str(error).endswith(f"answered {status[:3]} instead of the image: {advice}")
    assert (error.retry_after_s, error.transient) == (wait_s, True)


def test_retry_after_may_be_a_date(serve, fetcher):
    head = f"retry-after: {formatdate(time.time() + 1000, usegmt=True)}\r\ncontent-length: 9\r\n"
    error = error_of(fetcher, serve(says(response(status="503 Busy", headers=head))).url)
    assert 900 < error.retry_after_s <= 1000


def test_retry_after_with_status_500_is_ignored(serve, fetcher):
    head = "retry-after: 7\r\ncontent-length: 9\r\n"
    error = error_of(fetcher, serve(says(response(status="500 Oops", headers=head))).url)
    assert (error.retry_after_s, error.transient) == (0, True)


@pytest.mark.parametrize("encoding", ["br", "zstd", "compress", "gzip, gzip", "br, none"])
def test_a_body_that_cannot_be_decompressed_is_refused(encoding, serve, fetcher):
    body = gzip.compress(gzip.compress(b"a picture"))
    head = f"content-encoding: {encoding}\r\ncontent-length: {len(body)}\r\n"
    error = error_of(fetcher, serve(says(response(body, headers=head))).url)
    shown = encoding.removesuffix(", none")
    assert f"is sent compressed ({shown}), although we asked for it as it is" in str(error)
    assert not error.transient


def test_a_loop_of_redirects_ends(serve, fetcher):
    server = serve(says(redirects("/cup.jpg")))
    assert "redirects too often" in str(error_of(fetcher, server.url))
    assert server.connections == 1


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "gopher://127.0.0.1/",
        "data:image/png;base64,AAAA",
        "javascript:alert(1)",
        "http://us:secret@127.0.0.1/",
        "http://127.0.0.1:22/",
        "http://[",
        "/" + "a" * 5000,
    ],
)
def test_a_redirect_that_violates_the_rules_is_not_followed(location, serve, fetcher):
    error = error_of(fetcher, serve(says(redirects(location))).url)
    assert "cannot be fetched from here" in str(error)
    assert "secret" not in str(error) + error.reason
    assert not error.transient
