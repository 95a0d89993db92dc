"""Processes that count together: each in files of a directory that they share, which are summed to be read.

prometheus_client names the files by process id and expects the starter of processes to say which have died.
Ours are named by role, so one that is started again counts on where the last one ended, and there are never
more files than roles.
"""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from prometheus_client import values

DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
"""prometheus_client's; read when metrics are defined."""

NAME = "SUPERIMPOSE_PROCESS"
"""What a process is called among those that share a directory."""


@contextmanager
def shared_directory(wanted: bool) -> Iterator[str | None]:
    """A private directory for as long as the processes run; None if it is not `wanted`."""
    if not wanted:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="superimpose-metrics-") as directory:
        yield directory


def counting_as(name: str, directory: str | None) -> Mapping[str, str]:
    """What a process called `name` needs in its environment to count in `directory`, if there is one."""
    return {DIRECTORY: directory, NAME: name} if directory else {}


def count_as_named() -> None:
    """Count under this process's name, where it shares a directory; before any metric is defined."""
    name = os.environ.get(NAME)
    if name and DIRECTORY in os.environ:
        values.ValueClass = values.MultiProcessValue(lambda: name)  # type: ignore[no-untyped-call]
