"""Bytes that are not HTTP/1.1, or that two parsers could read as different requests."""

import pytest

from tests.edge import ANSWER, head, refusal, serving, submit

TO = b"GET /livez HTTP/1.1\r\nhost: here\r\n"
CHUNKED = submit(transfer_encoding="chunked")
FORGED = b"\r\nGET /livez HTTP/1.1\r\nhost: here\r\n\r\n"

MALFORMED = {
    "no method": b"hello there\r\n\r\n",
    "a method in small letters": b"get /livez HTTP/1.1\r\nhost: here\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "HTTP/0.9": b"GET /livez\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "another version": b"GET /livez HTTP/2.0\r\nhost: here\r\n\r\n",
    "space in the path": b"GET /li vez HTTP/1.1\r\nhost: here\r\n\r\n",
    "NUL in the path": b"GET /\0 HTTP/1.1\r\nhost: here\r\n\r\n",
    "bytes above 127 in the path": b"GET /\xc3\xa9 HTTP/1.1\r\nhost: here\r\n\r\n",
    "a tunnel": b"CONNECT here:80 HTTP/1.1\r\nhost: here\r\n\r\n",
    "a tunnel to a path": head("/livez", "CONNECT", content_length=len(FORGED)) + FORGED,
    "NUL in a header": TO + b"x: a\0b\r\n\r\n",
    "control character in a header": TO + b"x: a\x01b\r\n\r\n",
    "header without name": TO + b": a\r\n\r\n",
    "header without colon": TO + b"x\r\n\r\n",
    "space before the colon": TO + b"x : a\r\n\r\n",
    "folded header": TO + b"x: a\r\n b\r\n\r\n",
    "folded first header": b"GET /livez HTTP/1.1\r\n x: a\r\nhost: here\r\n\r\n",
    "bare LF": b"GET /livez HTTP/1.1\nhost: here\n\n",
    "bare CR": TO + b"x: a\ry: b\r\n\r\n",
    "length and chunks": submit(content_length=5, transfer_encoding="chunked") + b"0\r\n\r\n" + FORGED,
    "chunks and length": submit(transfer_encoding="chunked", content_length=5) + b"0\r\n\r\n" + FORGED,
    "two lengths": submit(content_length=2)[:-2] + b"content-length: 3\r\n\r\n{}" + FORGED,
    "the same length twice": submit(content_length=2)[:-2] + b"content-length: 2\r\n\r\n{}",
    "a list of lengths": submit(content_length="2, 2") + b"{}",
    "a length below 0": submit(content_length=-2) + b"{}",
    "a length with a sign": submit(content_length="+2") + b"{}",
    "a hexadecimal length": submit(content_length="0x2") + b"{}",
    "a length of 24 digits": submit(content_length="9" * 24) + b"{}",
    "an empty length": submit(content_length="") + b"{}",
    "an unknown coding": submit(transfer_encoding="xchunked") + b"0\r\n\r\n",
    "chunks not last": submit(transfer_encoding="chunked, gzip") + b"0\r\n\r\n",
    "two codings": submit(transfer_encoding="chunked")[:-2] + b"transfer-encoding: identity\r\n\r\n0\r\n\r\n",
    "chunks in HTTP/1.0": submit(transfer_encoding="chunked").replace(b"HTTP/1.1", b"HTTP/1.0")
    + b"0\r\n\r\n",
    "a chunk below 0": CHUNKED + b"-2\r\n{}\r\n0\r\n\r\n",
    "a chunk with 0x": CHUNKED + b"0x2\r\n{}\r\n0\r\n\r\n",
    "a chunk ended by LF": CHUNKED + b"2\n{}\n0\n\n",
    "a chunk of 2^68": CHUNKED + b"f" * 17 + b"\r\n{}\r\n0\r\n\r\n",
    "an endless chunk extension": CHUNKED + b"2;" + b"a" * 1_000_000,
    "endless trailers": CHUNKED + b"2\r\n{}\r\n0\r\nx: " + b"a" * 1_000_000,
}
LAST = {
    "close": head("/livez", connection="close"),
    "HTTP/1.0": b"GET /livez HTTP/1.0\r\nhost: here\r\n\r\n",
    "a HEAD": head("/livez", "HEAD", connection="close"),
    "malformed bytes": b"hello there\r\n\r\n",
    "a malformed chunk": CHUNKED + b"-2\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a tunnel": head("/livez", "CONNECT", content_length=len(FORGED)),
}
TOO_LARGE = {
    "a long path": head("/" + "a" * 33_000),
    "a long header": head("/livez", x="a" * 33_000),
    "an endless header": head("/livez", x="a" * 2_000_000)[:-4],
    "many headers": head("/livez")[:-2] + b"x: a\r\n" * 100 + b"\r\n",
}


@pytest.fixture(scope="module")
def edge(redis_socket, tmp_path_factory):
    with serving(redis_socket, tmp_path_factory.mktemp("malformed"), "cli", "api") as edge:
        yield edge
        assert "Traceback" not in edge.log


@pytest.mark.parametrize("sent", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_request_is_a_400_and_ends_the_connection(edge, sent):
    status, answer = refusal(edge.exchange(sent))  # one response: none to the smuggled request

    assert (status, answer["code"]) == (400, "malformed_request")


@pytest.mark.parametrize("sent", TOO_LARGE.values(), ids=TOO_LARGE)
def test_headers_over_a_limit_are_a_400(edge, sent):
    status, answer = refusal(edge.exchange(sent))

    assert (status, answer["code"]) == (400, "headers_too_large")


def test_headers_within_the_limits_are_accepted(edge):
    many = head("/livez", connection="close", x="a" * 30_000)[:-2] + b"y: b\r\n" * 90 + b"\r\n"

    assert edge.exchange(many).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "sent",
    [head("/livez")[:-2] + b"host: there\r\n\r\n", b"GET /livez HTTP/1.1\r\n\r\n"],
    ids=["two", "none"],
)
def test_a_request_without_exactly_one_host_is_a_400(edge, sent):
    status, answer = refusal(edge.exchange(sent))

    assert (status, answer["code"]) == (400, "invalid_host")


def test_trailers_are_not_headers(edge):
    keyless = submit(transfer_encoding="chunked", connection="close").replace(b"x-api-key", b"x-other")
    answer = edge.exchange(keyless + b"2\r\n{}\r\n0\r\nx-api-key: a\r\n\r\n")

    assert refusal(answer)[1]["code"] == "missing_key"


def test_a_request_before_malformed_bytes_is_answered_and_they_get_no_response(edge):
    answers = edge.exchange(head("/livez") + b"hello there\r\n\r\n")

    assert answers.startswith(b"HTTP/1.1 200 ")
    assert answers.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize("last", LAST.values(), ids=LAST)
def test_nothing_is_read_after_a_request_that_ends_the_connection(edge, last):
    for segments in ((last + FORGED,), (last, FORGED), (last[:9], last[9:], FORGED)):
        assert len(ANSWER.findall(edge.exchange(*segments))) == 1


def test_responses_do_not_name_the_server_software(edge):
    for sent in (b"hello there\r\n\r\n", head("/nowhere", connection="close"), submit(content_length="x")):
        answer = edge.exchange(sent).lower()
        assert not any(
            name in answer for name in (b"server:", b"uvicorn", b"python", b"fastapi", b"starlette")
        )
