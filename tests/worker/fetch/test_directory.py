"""Files within a bound; what is not whole is not there."""

import os
import stat
import time
from pathlib import Path

import pytest

from worker.fetch import BoundedDirectory

MAX_BYTES = 8_000


@pytest.fixture
def kept(tmp_path: Path) -> BoundedDirectory:
    return BoundedDirectory(tmp_path / "kept", MAX_BYTES)


def age(path: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_what_is_written_is_read_as_it_was(kept: BoundedDirectory) -> None:
    kept.write("a", b"head", b"body")
    assert kept.read("a") == (b"head", b"body")
    assert kept.read("b") is None


def test_it_is_for_our_user_alone(kept: BoundedDirectory, tmp_path: Path) -> None:
    kept.write("a", b"head", b"body")
    assert stat.S_IMODE((tmp_path / "kept").stat().st_mode) == 0o700


def test_its_files_never_have_more_bytes_than_its_bound(kept: BoundedDirectory, tmp_path: Path) -> None:
    for number in range(100):
        kept.write(str(number), b"", bytes(100 + number))
        assert sum(path.stat().st_size for path in (tmp_path / "kept").iterdir()) <= MAX_BYTES
    assert kept.read("99") == (b"", bytes(199))


def test_what_was_used_longest_ago_goes_first(kept: BoundedDirectory, tmp_path: Path) -> None:
    for number in range(7):
        kept.write(str(number), b"", bytes(900))
        age(tmp_path / "kept" / str(number), 100 - number)
    kept.read("0")
    kept.write("7", b"", bytes(900))
    assert {path.name for path in (tmp_path / "kept").iterdir()} == {"0", "2", "3", "4", "5", "6", "7"}


def test_a_file_too_large_for_its_share_is_not_kept(kept: BoundedDirectory) -> None:
    kept.write("a", b"", bytes(MAX_BYTES // 8 + 1))
    assert kept.read("a") is None


def test_what_nobody_used_for_a_day_goes_with_the_next_write(kept: BoundedDirectory, tmp_path: Path) -> None:
    kept.write("a", b"", bytes(200))
    kept.write(".left by a process that was killed", b"", bytes(200))
    for path in (tmp_path / "kept").iterdir():
        age(path, 90_000)
    kept.write("b", b"", bytes(200))
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["b"]


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
def test_a_broken_file_is_not_there(broken: bytes, kept: BoundedDirectory, tmp_path: Path) -> None:
    kept.write("a", b"head", b"body")
    (tmp_path / "kept" / "a").write_bytes(broken)
    assert kept.read("a") is None
    kept.write("a", b"head", b"body")
    assert kept.read("a") == (b"head", b"body")


def test_a_file_that_lost_or_changed_a_byte_is_not_there(kept: BoundedDirectory, tmp_path: Path) -> None:
    kept.write("a", b"head", b"body")
    whole = (tmp_path / "kept" / "a").read_bytes()
    for place in range(len(whole)):
        changed = bytes([whole[place] ^ 1])
        for broken in (whole[:place], whole[:place] + changed + whole[place + 1 :]):
            (tmp_path / "kept" / "a").write_bytes(broken)
            assert kept.read("a") is None
