"""Importing a library without what it would take along if that were there, and which we do not use of it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def as_if_not_installed(module: str) -> Iterator[None]:
    """Within it, importing `module` fails as if it were not there; unless it is in use here already."""
    if module in sys.modules:
        yield
        return
    sys.modules[module] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[module]
