"""What a client may send as a picture."""

import base64
import tracemalloc
from urllib.parse import quote, quote_from_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.config.settings import Settings
from jobs.pictures.inputs import (
    MAX_ESCAPES,
    SAMPLES,
    InputRules,
    InvalidInput,
    OwnPicture,
    decode_inline,
    is_url,
    pictures,
    sample_bytes,
    with_pictures,
)

DATA = bytes(range(256)) * 2
ENCODED = base64.b64encode(DATA).decode()
LIMIT = 1000
LINES = "\r\n".join(ENCODED[at : at + 76] for at in range(0, len(ENCODED), 76))
HERE = "http://127.0.0.1:81"


def read(text: str, origin: str = HERE) -> bytes | OwnPicture | str:
    return InputRules(Settings(max_input_bytes=1024)).read(text, origin)


@pytest.mark.parametrize(
    "text",
    [
        ENCODED,
        ENCODED.rstrip("="),
        LINES,
        f" {ENCODED}\n",
        base64.urlsafe_b64encode(DATA).decode(),
        f"data:image/png;base64,{ENCODED}",
        f"data:;base64,{ENCODED}",
        f"data:image/svg+xml;charset=utf-8;base64,{ENCODED}",
        f"DATA:image/png;base64,{ENCODED}",
        f" data:image/png;base64,{ENCODED} ",
        f"data:image/png;BASE64,{ENCODED}",
        f"data:image/png; base64,{ENCODED}",
        f"data:image/png;base64 ,{ENCODED}",
        f"data:image/jpeg;name=my%20logo.jpg;base64,{ENCODED}",
        f'data:image/jpeg;name="my logo.jpg";base64,{ENCODED}',
        f"data:image/png;base64,{quote(ENCODED, safe='')}",
        f"data:image/png;base64,{quote(LINES)}",
        f"data:image/png;base64,{LINES}",
        f"data:image/png;base64,{base64.urlsafe_b64encode(DATA).decode().rstrip('=')}",
        f"data:image/png;base64,{ENCODED}#top",
        f"data:image/png,{quote_from_bytes(DATA)}",
        f"data:,{quote_from_bytes(DATA).lower()}",
    ],
)
def test_inline_pictures_are_read_in_every_form_of_the_standards(text):
    assert decode_inline(text, LIMIT).lower() == DATA.lower()


@given(st.binary(min_size=1, max_size=300))
def test_any_bytes_can_be_percent_encoded(data):
    text = "data:," + "".join(f"%{byte:02X}" for byte in data)

    assert decode_inline(text, LIMIT) == data


def test_escapes_are_decoded_at_any_offset():
    data = b"%\xff" * 40_000

    assert decode_inline(f"data:,{quote_from_bytes(data)}", len(data)) == data


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("@@@@", "not valid base64"),
        ("abcde", "not valid base64"),
        ("", "empty"),
        ("data:image/png;base64,", "empty"),
        ("data:image/png;base64,a*b=", "not valid base64"),
        ("data:image/png;base64,%", "not valid base64"),
        ("data:image/png,raw", "without ;base64"),
        (f"data:image/png;base65,{ENCODED}", "without ;base64"),
        ("data:text", "without a comma"),
        ("ftp://shop.example/a.png", "must begin with http:// or https://"),
        ("//shop.example/a.png", "must begin with http:// or https://"),
        ("www.shop.example/a.png", "must begin with http:// or https://"),
        ("cup.jpg", "must begin with http:// or https://"),
        ("Zm9v\u00e9", "not valid base64"),
        ("\ud800", "not valid base64"),
        ("A" * 2000, "at most 1,024 are allowed"),
        ("data:,%00" + "a" * 2000, "at most 1,024 are allowed"),
        ("data:," + "%00" * (MAX_ESCAPES + 1), "send it as base64"),
        ("https://shop.example/" + "a" * 5000, "at most 4,096"),
        ("HTTPS://me:pw@shop.example/", "user name"),
        ("https://shop.example/my cup.jpg", "write it %-encoded"),
        ("https://shop.example:22/a.png", "port 22"),
        ("http://2130706433/a.png", "a host that is a number"),
        ("https://", "must begin with"),
        (f"{HERE}/samples/nothing.png", "is not a sample picture of this service; choose from cup.jpg, logo"),
    ],
)
def test_a_text_that_cannot_be_a_picture_is_refused_with_advice(text, advice):
    with pytest.raises(InvalidInput, match=advice):
        read(text)


def test_escapes_cost_no_more_memory_than_a_few_times_their_text():
    text = "data:," + "%41" * 1_000_000
    tracemalloc.start()
    try:
        assert len(decode_inline(text, 10**6)) == 10**6
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * len(text)


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("http://shop.example/b", "http://shop.example/b"),
        (" HTTPS://Shop.Example:443/B?c=D#e\n", "https://shop.example/B?c=D"),
    ],
)
def test_urls_are_references_in_canonical_form(text, reference):
    assert is_url(text)
    assert read(text) == reference


@pytest.mark.parametrize(
    "url",
    [
        f"{HERE}/samples/cup.jpg",
        f"{HERE}/samples/cup.jpg?x=1#y",
        "HTTP://LOCALHOST:81/samples/cup.jpg",
        "http://localhost.:81/samples/cup.jpg",
        "http://[::1]:81/samples/cup.jpg",
    ],
)
@pytest.mark.parametrize("origin", [HERE, "http://localhost:81", "http://[::1]:81"])
def test_a_sample_is_found_by_every_name_of_this_machine(url, origin):
    assert read(url, origin) == "sample:cup.jpg"


@pytest.mark.parametrize("path", ["/pictures/tok.png", "/pictures/tok.png?download", "/pictures/tok"])
def test_an_own_picture_is_below_the_public_url(path):
    assert read(f"https://shop.example/api{path}", "https://Shop.example/api") == OwnPicture("tok")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8000/samples/cup.jpg",
        "https://127.0.0.1:8443/samples/cup.jpg",
        "http://shop.example/samples/cup.jpg",
        "http://127.0.0.1.nip.io/samples/cup.jpg",
        "http://localhost.shop.example/samples/cup.jpg",
    ],
)
@pytest.mark.parametrize("origin", ["http://127.0.0.1", "http://a..b", ""])
def test_another_servers_picture_is_fetched(url, origin):
    assert read(url, origin) == url


@pytest.mark.parametrize("name", ["../settings.py", "ORIGIN.md", "", ".", "cup.jpg/..", "nothing.png"])
def test_only_samples_are_samples(name):
    assert sample_bytes(name) is None


def test_the_origin_of_every_sample_is_stated():
    origin = (SAMPLES / "ORIGIN.md").read_text()
    pictures = [entry.name for entry in SAMPLES.iterdir() if entry.name.endswith((".jpg", ".png"))]

    assert pictures
    assert all(f"`{name}`" in origin for name in pictures)


SCENE = {
    "base_image": "a",
    "opacity": 1,
    "overlays": [{"color": "#fff", "mask": "b"}, {"overlay_image": "c", "displacement_map": "d"}],
}


def test_pictures_of_layers_are_found_by_path():
    assert pictures(SCENE) == {
        "base_image": "a",
        "overlays[0].mask": "b",
        "overlays[1].overlay_image": "c",
        "overlays[1].displacement_map": "d",
    }


def test_references_replace_pictures_in_a_copy():
    others = {path: text.upper() for path, text in pictures(SCENE).items()}

    replaced = with_pictures(SCENE, others)

    assert pictures(replaced) == others
    assert (replaced["opacity"], replaced["overlays"][0]["color"]) == (1, "#fff")
    assert pictures(SCENE)["overlays[0].mask"] == "b"


@pytest.mark.parametrize(
    "odd", [{"overlays": 5}, {"overlays": [5, None]}, {"base_image": 5}, {"overlays": {}}]
)
def test_values_of_wrong_types_are_ignored(odd):
    assert pictures(odd) == {}
