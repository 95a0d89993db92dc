"""What a process may use of its machine, or container."""

import os

import pytest

from jobs.config import machine

ALLOWED = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


@pytest.mark.parametrize(
    ("quota", "cores"),
    [
        ("max 100000\n", ALLOWED),
        ("100000 100000\n", 1),
        ("10000 100000\n", 1),
        (f"{ALLOWED * 100_000 - 50_000} 100000\n", ALLOWED),
        ("99900000 100000\n", ALLOWED),
        ("something else\n", ALLOWED),
    ],
)
def test_cores_are_those_of_the_container(tmp_path, monkeypatch, quota, cores):
    monkeypatch.setattr(machine, "CPU_QUOTA", tmp_path / "cpu.max")
    (tmp_path / "cpu.max").write_text(quota)

    assert machine.cores() == cores


@pytest.mark.parametrize(
    ("mebibytes", "workers"), [(100, 1), (600, 1), (1024, min(2, ALLOWED)), (10**6, ALLOWED)]
)
def test_there_are_as_many_workers_as_cores_and_memory_for_them(tmp_path, monkeypatch, mebibytes, workers):
    monkeypatch.setattr(machine, "MEMORY_INFO", tmp_path / "meminfo")
    (tmp_path / "meminfo").write_text(f"MemTotal:       {mebibytes * 1024} kB\nMemFree: 1 kB\n")

    assert machine.workers() == workers


def test_where_the_system_does_not_tell_its_memory_there_is_a_worker_a_core(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "MEMORY_INFO", tmp_path / "nothing")

    assert machine.workers() == machine.cores()
