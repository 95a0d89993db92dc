"""Metrics of several processes: each counts in files of a shared directory, which are summed when read.

prometheus_client names the files by process id, and expects a report of each dead process from its parent.
Ours are named by role, so a restarted process continues the counts, and there are no more files than roles.
"""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from prometheus_client import values

DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
"""A variable of prometheus_client, read when metrics are defined."""

NAME = "SUPERIMPOSE_PROCESS"
"""The name of a process among those that share a directory."""


@contextmanager
def shared_directory(enabled: bool) -> Iterator[str | None]:
    if not enabled:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="superimpose-metrics-") as directory:
        yield directory


def counting_as(name: str, directory: str | None) -> Mapping[str, str]:
    """The environment variables of a process that counts in `directory` as `name`."""
    return {DIRECTORY: directory, NAME: name} if directory else {}


def count_as_named() -> None:
    """Count under the name in the environment, if a directory is shared; call before defining metrics."""
    name = os.environ.get(NAME)
    if name and DIRECTORY in os.environ:
        values.ValueClass = values.MultiProcessValue(lambda: name)  # type: ignore[no-untyped-call]
