"""Importing a library without an optional dependency of it that is installed and that we do not use."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def as_if_not_installed(module: str) -> Iterator[None]:
    """Let imports of `module` fail inside the block, unless it is loaded already."""
    if module in sys.modules:
        yield
        return
    sys.modules[module] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[module]
