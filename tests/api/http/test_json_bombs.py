"""Bodies that are costly to parse or ambiguous get a small 400."""

import gzip
import json

import pytest

URL = "http://10.0.0.1/a.png"
GOOD = json.dumps({"base_image": URL, "overlay_image": URL}).encode()


def with_member(member: bytes) -> bytes:
    """A valid body with one more member."""
    return GOOD[:-1] + b", " + member + b"}"


BOMBS = {
    "100,000 arrays deep": b"[" * 100_000,
    "100,000 objects deep": b'{"a":' * 100_000,
    "depth in a parameter": with_member(b'"mask": ' + b"[" * 100_000 + b"]" * 100_000),
    "a million keys": b"{" + b",".join(b'"%d":1' % number for number in range(1_000_000)) + b"}",
    "5,000 keys": b"{" + b",".join(b'"%d":1' % number for number in range(5_000)) + b"}",
    "a million items": with_member(b'"mask": [' + b"0," * 1_000_000 + b"0]"),
    "a million empty arrays": with_member(b'"mask": [' + b"[]," * 1_000_000 + b"[]]"),
    "a key of 1 MB": with_member(b'"' + b"k" * 1_000_000 + b'": 1'),
    "a value of 1 MB": with_member(b'"resize_method": "' + b"v" * 1_000_000 + b'"'),
    "a number of 100,000 digits": with_member(b'"x_offset": ' + b"9" * 100_000),
    "a number of 4,300 digits": with_member(b'"x_offset": ' + b"9" * 4_300),
    "a fraction of 5,000 digits": with_member(b'"opacity": 1' + b"0" * 4_000 + b".5"),
    "1e999": with_member(b'"opacity": 1e999'),
    "1e999 for an integer": with_member(b'"x_offset": 1e999'),
    "NaN": with_member(b'"opacity": NaN'),
    "NaN for an integer": with_member(b'"rotation": NaN'),
    "Infinity": with_member(b'"x_offset": Infinity'),
    "-Infinity": with_member(b'"rescale_factor": -Infinity'),
    "-0 where 0 is refused": with_member(b'"rescale_factor": -0'),
    "a lone leading surrogate": with_member(b'"mask": "\\ud800"'),
    "a lone trailing surrogate": with_member(b'"mask": "\\udc00"'),
    "a surrogate in a key": with_member(b'"\\udfff": 1'),
    "a surrogate in UTF-8": with_member(b'"mask": "\xed\xa0\x80"'),
    "overlong UTF-8": with_member(b'"mask": "\xc0\xaf"'),
    "Latin-1": with_member(b'"mask": "\xe9"'),
    "two byte order marks": b"\xef\xbb\xbf" * 2 + GOOD,
    "UTF-16": GOOD.decode().encode("utf-16"),
    "UTF-32": GOOD.decode().encode("utf-32"),
    "NUL": b"\0",
    "NUL behind": GOOD + b"\0",
    "NUL in a string": with_member(b'"mask": "a\0b"'),
    "NUL escaped": with_member(b'"mask": "a\\u0000b"'),
    "nothing": b"",
    "spaces": b" " * 1_000_000,
    "something behind": GOOD + b" x",
    "two objects": GOOD + GOOD,
    "a number": b"1",
    "a string": b'"text"',
    "null": b"null",
    "true": b"true",
    "an array": b"[" + GOOD + b"]",
    "single quotes": b"{'base_image': 1}",
    "a comment": b"{/**/}" + GOOD,
    "a comma at the end": GOOD[:-1] + b",}",
    "a hexadecimal number": with_member(b'"x_offset": 0x10'),
    "a number with a leading 0": with_member(b'"x_offset": 010'),
    "names of JavaScript": with_member(b'"__proto__": {}, "constructor": 1'),
}


def post(service, body, **headers):
    return service.client.post(
        "/v2/superimpose", content=body, headers={"content-type": "application/json", **headers}
    )


@pytest.mark.parametrize("body", BOMBS.values(), ids=BOMBS)
def test_a_json_bomb_is_a_400_that_does_not_repeat_it(service, body):
    answer = post(service, body)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_parameters")
    assert len(answer.content) < 50_000
    assert answer.content.decode("utf-8")


def test_refusing_a_body_with_many_keys_takes_little_memory(service):
    """Once, a million keys took 3 GB and a 30 MB list 500 MB."""
    api = service.processes[0].pid

    def peak_mb() -> int:
        with open(f"/proc/{api}/status") as status:  # noqa: PTH123 - procfs
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) // 1024

    before = peak_mb()
    post(service, with_member(b'"mask": [' + b"0," * 15_000_000 + b"0]"))
    post(service, BOMBS["a million keys"])

    assert peak_mb() - before < 150  # the body as chunks and as a whole


def test_the_last_of_two_equal_keys_is_used(service):
    first, last = b'"opacity": 1', b'"opacity": 5'

    assert post(service, with_member(first + b"," + last)).status_code == 400
    assert post(service, with_member(last + b"," + first)).status_code == 200


@pytest.mark.parametrize("zero", [b'"x_offset": -0', b'"opacity": -0.0', b'"rotation": 0e5'])
def test_all_notations_of_zero_are_equal(service, zero):
    assert post(service, with_member(zero)).status_code == 200


def test_three_urls_full_of_commas_are_accepted(service):
    url = "http://10.0.0.1/" + "," * 4_000
    body = json.dumps({"base_image": url, "overlay_image": url, "mask": url}).encode()

    assert post(service, body).status_code == 200


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "br", "aws-chunked"])
def test_a_body_with_a_content_encoding_is_refused_naming_it(service, coding):
    answer = post(service, gzip.compress(GOOD), **{"content-encoding": coding})

    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_encoding")
    assert f"Content-Encoding: {coding.lower()} is not decoded" in answer.json()["error"]
    assert answer.headers["accept-encoding"] == "identity"


def test_a_form_with_a_content_encoding_is_refused(service):
    files = {"file": ("a.png", b"\x1f\x8b", "image/png")}

    answer = service.client.post("/upload-asset", files=files, headers={"content-encoding": "gzip"})

    assert answer.status_code == 415


@pytest.mark.parametrize("coding", [{}, {"content-encoding": "Identity"}])
def test_a_byte_order_mark_is_ignored(service, coding):
    assert post(service, b"\xef\xbb\xbf" + GOOD, **coding).status_code == 200
