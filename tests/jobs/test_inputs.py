"""What a client may send as a picture."""

import base64

import pytest

from jobs.inputs import SAMPLES, InvalidInput, check, decode_inline, is_url, sample_bytes

DATA = bytes(range(256)) * 2
ENCODED = base64.b64encode(DATA).decode()
LIMIT = 1000


@pytest.mark.parametrize(
    "text",
    [
        ENCODED,
        ENCODED.rstrip("="),
        "\n".join(ENCODED[at : at + 76] for at in range(0, len(ENCODED), 76)),
        f"data:image/png;base64,{ENCODED}",
        f"data:;base64,{ENCODED}",
        f"data:image/svg+xml;charset=utf-8;base64,{ENCODED}",
        f"DATA:image/png;base64,{ENCODED}",
    ],
)
def test_base64_is_read_as_people_send_it(text):
    assert decode_inline(text, LIMIT) == DATA


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("@@@@", "not valid base64"),
        ("abcde", "not valid base64"),
        ("", "empty"),
        ("data:image/png;base64,", "empty"),
        ("data:image/png;base64,a*b=", "not valid base64"),
        ("data:image/png,raw", "without ;base64"),
        ("data:text", "without ;base64"),
        ("ftp://shop.example/a.png", "not valid base64"),
        ("//shop.example/a.png", "not valid base64"),
        ("Zm9v\u00e9", "not valid base64"),
        ("A" * 2000, "at most 1,000 are allowed"),
        ("https://shop.example/" + "a" * 5000, "at most 4096"),
    ],
)
def test_what_cannot_be_a_picture_is_refused_with_what_to_do(text, said):
    with pytest.raises(InvalidInput, match=said):
        check(text, LIMIT)


@pytest.mark.parametrize("text", ["http://a.example/b", "HTTPS://A.example/b"])
def test_urls_are_left_to_be_fetched(text):
    assert is_url(text)
    check(text, LIMIT)


@pytest.mark.parametrize("name", ["../settings.py", "ORIGIN.md", "", ".", "cup.jpg/..", "nothing.png"])
def test_only_samples_are_samples(name):
    assert sample_bytes(name) is None


def test_the_origin_of_every_sample_is_stated():
    origin = (SAMPLES / "ORIGIN.md").read_text()
    pictures = [entry.name for entry in SAMPLES.iterdir() if entry.name.endswith((".jpg", ".png"))]

    assert pictures
    assert all(f"`{name}`" in origin for name in pictures)
