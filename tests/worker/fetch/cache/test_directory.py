"""A directory with a size limit, in which damaged files are misses."""

import os
import stat
import time
from hashlib import sha256
from pathlib import Path

import pytest

from tests.worker.fetch.cache.conftest import read
from worker.fetch import BoundedDirectory

MAX_BYTES = 8_000


@pytest.fixture
def files(folder: Path) -> BoundedDirectory:
    return BoundedDirectory(folder, MAX_BYTES)


def name(of: object) -> str:
    return sha256(str(of).encode()).hexdigest()


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def age(path: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_a_written_file_is_read_unchanged(files):
    files.write(name("a"), b"head", b"body")
    sizes: list[int] = []
    assert read(files, name("a"), sizes.append) == (b"head", b"body")
    assert sizes == [4]
    assert read(files, name("b")) is None


def test_the_directory_is_accessible_to_our_user_only(files, folder):
    files.write(name("a"), b"head", b"body")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_the_files_never_exceed_the_size_limit(files, folder):
    for number in range(100):
        files.write(name(number), b"", bytes(100 + number))
        assert sum(path.stat().st_size for path in folder.iterdir()) <= MAX_BYTES
    assert read(files, name("99")) == (b"", bytes(199))


def test_the_least_recently_used_file_is_evicted_first(files, folder):
    for number in range(7):
        files.write(name(number), b"", bytes(900))
        age(folder / name(number), 100 - number)
    read(files, name("0"))
    files.write(name("7"), b"", bytes(900))
    assert names(folder) == {name(number) for number in (0, 2, 3, 4, 5, 6, 7)}


def test_a_use_is_recorded_even_if_the_clock_was_set_back(files, folder):
    files.write(name("a"), b"head", b"body")
    for seconds in (100, -90_000):
        age(folder / name("a"), seconds)
        read(files, name("a"))
        assert abs(time.time() - (folder / name("a")).stat().st_mtime) < 60


def test_a_file_above_the_maximum_share_is_not_written(files):
    files.write(name("a"), b"", bytes(MAX_BYTES // 8 + 1))
    assert read(files, name("a")) is None


def test_a_file_unused_for_a_day_is_deleted_with_the_next_write(files, folder):
    files.write(name("a"), b"", bytes(200))
    (folder / f".{'0' * 32}").write_bytes(b"left by a process that was killed")
    for path in folder.iterdir():
        age(path, 90_000)
    files.write(name("b"), b"", bytes(200))
    assert names(folder) == {name("b")}


def test_other_files_in_the_directory_are_not_deleted(files, folder):
    (folder / name("a folder")).mkdir(parents=True)
    (folder / "notes.txt").write_bytes(bytes(2 * MAX_BYTES))
    (folder / f"{name('theirs')}.bak").touch()
    (folder / name("a link")).symlink_to(folder / "notes.txt")
    theirs = names(folder)
    for path in folder.iterdir():
        age(path, 90_000)

    for number in range(20):
        files.write(name(number), b"", bytes(900))

    assert theirs < names(folder)
    assert read(files, name(19)) == (b"", bytes(900))
    assert 5 <= len(names(folder) - theirs) <= MAX_BYTES // 900


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"\0",
        b"\0" * 8,
        b"\xff" * 600,
        bytes(MAX_BYTES),
    ],
)
def test_a_malformed_file_is_a_miss(broken, files, folder):
    files.write(name("a"), b"head", b"body")
    (folder / name("a")).write_bytes(broken)
    assert read(files, name("a")) is None
    files.write(name("a"), b"head", b"body")
    assert read(files, name("a")) == (b"head", b"body")


def test_a_file_with_a_missing_or_changed_byte_is_a_miss(files, folder):
    files.write(name("a"), b"head", b"body")
    whole = (folder / name("a")).read_bytes()
    for place in range(len(whole)):
        changed = bytes([whole[place] ^ 1])
        for broken in (whole[:place], whole[:place] + changed + whole[place + 1 :]):
            (folder / name("a")).write_bytes(broken)
            assert read(files, name("a")) is None


def test_a_head_is_replaced_by_one_of_the_same_length(files, folder):
    files.write(name("a"), b"head", b"body")
    file = (folder / name("a")).stat().st_ino
    assert files.replace_head(name("a"), b"head", b"tail")
    assert read(files, name("a")) == (b"tail", b"body")
    assert (folder / name("a")).stat().st_ino == file


@pytest.mark.parametrize(
    ("old", "new"), [(b"head", b"longer"), (b"other", b"older"), (b"heaD", b"tail"), (b"hea", b"sea")]
)
def test_a_head_of_another_length_or_of_a_deleted_file_is_not_replaced(old, new, files):
    files.write(name("a"), b"head", b"body")
    assert not files.replace_head(name("a"), old, new)
    assert not files.replace_head(name("b"), b"head", b"tail")
    assert read(files, name("a")) == (b"head", b"body")


def test_a_head_is_not_written_into_a_damaged_file(files, folder):
    files.write(name("a"), b"head", b"body")
    for broken in (b"", b"head", bytes(600)):
        (folder / name("a")).write_bytes(broken)
        assert not files.replace_head(name("a"), b"head", b"tail")
        assert (folder / name("a")).read_bytes() == broken
