"""Runs `superimpose up` for a test."""

from pathlib import Path

import pytest

from tests.cli.serve.up import Up
from tests.stack import free_port


@pytest.fixture
def up(tmp_path):
    started = []

    def up(data_dir: Path = tmp_path / "data", workers: int = 1) -> Up:
        started.append(Up(data_dir, free_port(), workers))
        return started[-1]

    yield up
    for each in started:
        if each.process.poll() is None:
            each.interrupt()
