"""The pictures of a batch as a ZIP file: complete, in little memory, with safe, unique names."""

import asyncio
import io
import os
import time
from zipfile import ZIP_STORED, ZipFile

import pytest

from api.batches.archive import CHUNK, GONE, Entry, zip_pictures
from api.batches.names import MAX_BYTES, FileNames, safe_name
from jobs.lifecycle.output import Output
from jobs.pictures.store import PictureStore, new_token

MADE_AT = 1_796_000_000.0
HOSTILE = ["../../evil", "/etc/passwd", "a\0b", "NUL", "ö" * 150, "same", "same", "SAME", "..", "a\\b"]


@pytest.fixture
def store(settings):
    return PictureStore.open(settings)


def stored(store: PictureStore, data: bytes, media_type: str = "image/jpeg") -> Output:
    token = new_token()
    path = store.new_path("outputs", token, time.time() + 60)
    store.put(path, data, media_type)
    return Output(token, path, media_type, len(data), 1, 1)


def zipped(store: PictureStore, entries: list[Entry]) -> tuple[ZipFile, list[bytes]]:
    async def pages():
        for start in range(0, len(entries), 3):
            yield entries[start : start + 3]

    async def collect() -> list[bytes]:
        return [piece async for piece in zip_pictures(store.get_range_async, pages(), MADE_AT)]

    pieces = asyncio.run(collect())
    return ZipFile(io.BytesIO(b"".join(pieces))), pieces


def test_it_contains_the_pictures_as_stored(store):
    pictures = {f"sku-{number}": os.urandom(1000 + number) for number in range(7)}
    entries = [Entry(name, stored(store, data, "image/png"), "") for name, data in pictures.items()]

    archive, _ = zipped(store, entries)

    assert archive.testzip() is None
    assert {name: archive.read(f"{name}.png") for name in pictures} == pictures
    assert len(archive.infolist()) == len(pictures)
    assert {info.compress_type for info in archive.infolist()} == {ZIP_STORED}
    assert archive.infolist()[0].date_time == time.gmtime(MADE_AT)[:6]


def test_a_large_picture_is_sent_in_chunks(store):
    data = os.urandom(3 * CHUNK + 1)

    archive, pieces = zipped(store, [Entry("large", stored(store, data), "")])

    assert archive.read("large.jpeg") == data
    assert max(map(len, pieces)) < 1.1 * CHUNK


def test_missing_pictures_are_listed(store):
    gone = stored(store, b"gone")
    store.delete([gone.path])
    entries = [
        Entry("there", stored(store, b"there"), ""),
        Entry("gone", gone, ""),
        Entry("failed", None, "base_image: is not an image file"),
    ]

    archive, _ = zipped(store, entries)

    assert archive.namelist() == ["there.jpeg", "missing.txt"]
    listing = archive.read("missing.txt").decode()
    assert listing == f"gone: {GONE}\nfailed: base_image: is not an image file\n"


def test_an_archive_without_pictures_is_valid(store):
    archive, _ = zipped(store, [])

    assert archive.namelist() == []


def test_names_cannot_escape_the_folder(store, tmp_path):
    archive, _ = zipped(store, [Entry(name, stored(store, name.encode()), "") for name in HOSTILE])
    names = archive.namelist()

    archive.extractall(tmp_path / "unpacked")

    files = [path for path in tmp_path.rglob("*.jpeg") if path.is_file()]
    assert {path.parent for path in files} == {tmp_path / "unpacked"}
    assert sorted(path.name for path in files) == sorted(names)
    assert [archive.read(name).decode() for name in names] == HOSTILE
    assert len({name.casefold() for name in names}) == len(HOSTILE)


@pytest.mark.parametrize(
    ("custom_id", "name"),
    [
        ("sku-4711", "sku-4711"),
        ("Größe №3 ☂", "Größe №3 ☂"),
        ("sku-4711/front", "sku-4711_front"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("..", "_"),
        ("/", "_"),
        ("C:\\windows\\system32", "C__windows_system32"),
        ("a\0b\nc\x7fd", "a_b_c_d"),
        ("right\u202eto-left", "right_to-left"),
        ('what?*<|>"', "what______"),
        (" . hidden . ", "hidden"),
        ("NUL", "_NUL"),
        ("con.tar", "_con.tar"),
        ("COM¹", "_COM¹"),
        ("lpt9 ", "_lpt9"),
        ("console", "console"),
        ("A\u030a", "Å"),
    ],
)
def test_a_name_is_safe_on_every_system(custom_id, name):
    assert safe_name(custom_id) == name


@pytest.mark.parametrize("character", ["x", "ö", "☂", "𝄞"])
def test_a_long_name_is_cut_between_characters(character):
    name = safe_name(character * (300 // len(character.encode())))

    assert set(name) == {character}
    assert MAX_BYTES - 4 < len(name.encode()) <= MAX_BYTES


def test_names_are_unique_regardless_of_case():
    names = FileNames("missing.txt")

    given = [
        names.unique(text, ".jpeg")
        for text in ("a", "A", "a", "a-2", "b/c", "b\\c", "\u017f", "s", "ﬁ", "fi")
    ]

    expected = ["a", "A-2", "a-3", "a-2-2", "b_c", "b_c-2", "\u017f", "s-2", "ﬁ", "fi-2"]
    assert given == [f"{name}.jpeg" for name in expected]
    assert names.unique("missing", ".txt") == "missing-2.txt"


def test_five_thousand_equal_names_become_unique():
    names = FileNames()

    assert len({names.unique("same", ".png") for _ in range(5000)}) == 5000
