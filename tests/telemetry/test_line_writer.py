"""Lines whose reader is slow, stopped or gone."""

import os
import resource
import threading
from pathlib import Path

import pytest

from telemetry.line_writer import MAX_QUEUED, NO_WAIT, LineWriter
from tests.redis.sentinels import until


@pytest.fixture
def pipe():
    """Its two ends."""
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def lost(lines: int) -> str:
    return f"lost {lines}"


def test_lines_arrive_whole_and_in_order(pipe):
    reads, writes = pipe
    writer = LineWriter(writes, lost)

    for number in range(100):
        writer.write(f"line {number}")
    writer.close()

    assert os.read(reads, 65536).decode().splitlines() == [f"line {number}" for number in range(100)]


@pytest.mark.skipif(not NO_WAIT, reason="a write that does not block is Linux's")
def test_a_pipe_with_room_gets_a_line_at_once_without_a_thread(pipe):
    reads, writes = pipe
    os.set_blocking(reads, False)
    threads = threading.active_count()

    LineWriter(writes, lost).write("now")

    assert os.read(reads, 65536) == b"now\n"
    assert threading.active_count() == threads


def test_lines_of_two_writers_to_one_pipe_stay_whole(pipe):
    reads, writes = pipe
    fills_the_pipe = "x" * 65_000
    os.write(writes, f"{fills_the_pipe}\n".encode())
    writers = {text: LineWriter(writes, lost) for text in ("a" * 300, "b" * 300)}
    for _ in range(300):
        for line, writer in writers.items():
            writer.write(line)

    left, seen = 65_001 + 600 * 301, b""
    while left > len(seen):
        seen += os.read(reads, 5000)

    assert set(seen.decode().splitlines()) == {fills_the_pipe, *writers}
    for writer in writers.values():
        writer.close()


def test_while_nobody_reads_callers_do_not_wait_and_dropped_lines_are_counted(pipe):
    reads, writes = pipe
    writer = LineWriter(writes, lost)
    fills_the_pipe, many = "x" * 100_000, MAX_QUEUED + 500
    writer.write(fills_the_pipe)
    os.read(reads, 1)  # now it is being written
    for number in range(many):
        writer.write(f"line {number}")

    read = threading.Thread(target=writer.close)
    read.start()
    seen = b""
    while not seen.endswith(f"line {many - 1}\n".encode()):
        seen += os.read(reads, 65536)
    read.join()

    _, report, first, *_ = seen.decode().splitlines()
    assert (report, first) == ("lost 500", "line 500")


def test_lines_refused_by_a_full_disk_are_reported_once_there_is_room(tmp_path):
    path = tmp_path / "log"
    with path.open("wb") as room, Path("/dev/full").open("wb", buffering=0) as full:
        descriptor = os.dup(full.fileno())
        writer = LineWriter(descriptor, lost)
        writer.write("refused")
        until(lambda: writer.dropped == 1, "the line was refused")
        os.dup2(room.fileno(), descriptor)
        writer.write("kept")
        writer.close()
        os.close(descriptor)

    assert path.read_text() == "lost 1\nkept\n"


def test_of_lines_written_together_only_the_lost_ones_are_reported(pipe, tmp_path):
    """A file takes five lines and a half of ten, and begins where no other of this process ends."""
    reads, writes = pipe
    path, begin, line = tmp_path / "log", 2**30, "x" * 99
    writer = LineWriter(writes, lost)
    writer.write("y" * 100_000)
    os.read(reads, 1)  # now it is being written
    for _ in range(10):
        writer.write(line)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    with path.open("wb") as room:
        room.seek(begin)
        os.dup2(room.fileno(), writes)
        resource.setrlimit(resource.RLIMIT_FSIZE, (begin + 550, before[1]))
        while os.read(reads, 65536):
            pass
        until(lambda: writer.dropped, "the file is full")
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        writer.write("kept")
        writer.close()

    assert path.read_bytes()[begin:].decode() == f"{line}\n" * 5 + f"{line[:50]}\nlost 5\nkept\n"


def test_a_flush_waits_for_queued_lines_but_not_for_a_stopped_reader(pipe):
    reads, writes = pipe
    writer = LineWriter(writes, lost)

    for number in range(100):
        writer.write(f"line {number}")
        writer.flush()
        assert os.read(reads, 65536).decode() == f"line {number}\n"

    writer.write("x" * 1_000_000)
    writer.flush()
    left = 1_000_001
    while left:
        left -= len(os.read(reads, 65536))
    writer.close()
