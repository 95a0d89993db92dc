"""The store, the same over a directory and over a real S3 server."""

import asyncio
import ctypes
import errno
import os
import threading
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from obstore.exceptions import BaseError

from jobs.config.settings import Settings
from jobs.pictures.store import PictureGone, PictureStore, new_token
from tests.in_thread import in_thread

NOON = 1_900_000_000.0
CACHESTAT = 451  # the number of the system call, the same on all machines


@pytest.fixture(params=["directory", "bucket"])
def store(request, settings: Settings, monkeypatch) -> PictureStore:
    if request.param == "directory":
        return PictureStore.open(settings)
    bucket = request.getfixturevalue("bucket")
    for name, value in bucket.env.items():
        monkeypatch.setenv(name, value)
    return PictureStore.open(settings.model_copy(update={"storage_url": bucket.url}))


def test_a_stored_picture_can_be_read_whole_and_in_part(store):
    path = store.new_path("outputs", new_token(), NOON)
    store.put(path, b"0123456789")

    assert store.get(path) == b"0123456789"
    assert store.get_range(path, 2, 5) == asyncio.run(store.get_range_async(path, 2, 5)) == b"234"


def test_a_copy_remains_when_the_original_is_deleted(store):
    first, copy = (store.new_path(kind, new_token(), NOON) for kind in ("outputs", "inputs"))
    store.put(first, b"0123456789")

    store.copy(first, copy)
    store.delete([first])

    assert store.get(copy) == b"0123456789"
    with pytest.raises(PictureGone):
        store.copy(first, copy)


def test_the_system_writes_a_stored_picture_to_disk_at_once(settings):
    PictureStore.open(settings).put("outputs/20300101T0000/any", bytes(1_000_000))

    [file] = Path(settings.data_dir).glob("**/outputs/20300101T0000/any")
    assert _dirty_pages(file) == 0


def _dirty_pages(path: Path) -> int:
    """The number of pages of a file that Linux has not started to write."""
    pages, all_of_it = (ctypes.c_uint64 * 5)(), (ctypes.c_uint64 * 2)()
    with path.open("rb") as file:
        if ctypes.CDLL(None, use_errno=True).syscall(CACHESTAT, file.fileno(), all_of_it, pages, 0):
            why = errno.errorcode[ctypes.get_errno()]
            pytest.skip(f"needs cachestat(2) of Linux 6.5: {os.uname().release}, {why}")
    return pages[1]


def test_the_size_is_known_before_a_picture_is_read(store):
    def refuse(size: int) -> None:
        raise MemoryError(size)

    store.put("outputs/20300101T0000/any", b"0123456789")

    with pytest.raises(MemoryError, match="10"):
        store.get("outputs/20300101T0000/any", refuse)


def test_reading_a_missing_picture_is_an_error(store):
    with pytest.raises(PictureGone):
        store.get("outputs/20300101T0000/nothing")
    with pytest.raises(PictureGone):
        asyncio.run(store.get_range_async("outputs/20300101T0000/nothing", 0, 1))


def test_deleting_a_missing_picture_is_no_error(store):
    there = store.new_path("inputs", new_token(), NOON)
    store.put(there, b"x")

    store.delete(["inputs/20300101T0000/nothing", there])

    with pytest.raises(PictureGone):
        store.get(there)


def test_a_second_put_replaces_a_picture(store):
    path = store.new_path("inputs", new_token(), NOON)
    store.put(path, b"first")
    store.put(path, b"second")

    assert store.get(path) == b"second"


def test_a_sweep_deletes_only_pictures_of_past_minutes(store):
    past, present, future = (
        store.new_path(kind, new_token(), NOON + after)
        for kind, after in (("inputs", -60), ("outputs", 0), ("outputs", 3600))
    )
    for path in (past, present, future):
        store.put(path, b"x")

    assert store.sweep(NOON) == 1

    with pytest.raises(PictureGone):
        store.get(past)
    assert store.get(present) == store.get(future) == b"x"
    assert store.sweep(NOON + 7200) == 2


OF_OTHERS = (
    "uploads/2023/report.pdf",
    "uploads/20230101T0000-old/" + "a" * 32,
    "outputs/20230101T0000/report.pdf",
    "outputs/20230101T0000/sub/" + "a" * 32,
    "others/20230101T0000/" + "a" * 32,
)


@pytest.mark.parametrize("path", OF_OTHERS)
def test_a_sweep_deletes_no_file_of_another_application(store, path):
    own = store.new_path("outputs", new_token(), 0)
    upload = store.new_path("uploads", sha256(b"x").hexdigest(), 0)
    for each in (path, own, upload):
        store.put(each, b"x")

    assert store.sweep(NOON) == 2

    assert store.get(path) == b"x"


def test_names_cannot_be_guessed_and_do_not_repeat():
    tokens = {new_token() for _ in range(1000)}

    assert len(tokens) == 1000
    assert min(map(len, tokens)) >= 32


def test_many_threads_can_write_at_once(store):
    paths = [store.new_path("outputs", new_token(), NOON) for _ in range(20)]
    threads = [threading.Thread(target=store.put, args=(path, path.encode())) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [store.get(path) for path in paths] == [path.encode() for path in paths]


def test_an_unusable_directory_is_an_error_at_each_use_until_it_is_usable(tmp_path):
    (tmp_path / "store").touch()
    store = PictureStore.open(Settings(data_dir=tmp_path))

    for _ in range(2):
        with pytest.raises(BaseError, match="cannot be used"):
            store.put("inputs/x", b"data")
    (tmp_path / "store").unlink()
    store.put("inputs/x", b"data")

    assert store.get("inputs/x") == b"data"


def test_a_bucket_is_reached_through_the_proxy_of_its_vendors_variables(settings, monkeypatch):
    asked = []

    class Proxy(BaseHTTPRequestHandler):
        def do_PUT(self):
            asked.append(self.path)
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("ETag", '"1"')
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with in_thread(HTTPServer(("127.0.0.1", 0), Proxy)) as proxy:
        for name, value in {
            "AWS_ACCESS_KEY_ID": "any",
            "AWS_SECRET_ACCESS_KEY": "any",
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT": "http://bucket.invalid",
            "AWS_ALLOW_HTTP": "true",
            "AWS_PROXY_URL": f"http://127.0.0.1:{proxy.server_port}",
        }.items():
            monkeypatch.setenv(name, value)
        store = PictureStore.open(settings.model_copy(update={"storage_url": "s3://pictures"}))
        store.put("outputs/20300101T0000/one", b"x")

    assert asked == ["http://bucket.invalid/pictures/outputs/20300101T0000/one"]
