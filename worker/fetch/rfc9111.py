"""hishel's state machine, imported without the client of Redis that it takes along where one is installed.

It is for a storage that we do not use, and the process that decodes strangers' files is to have none.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = [
    "CacheMiss",
    "CacheOptions",
    "Entry",
    "Headers",
    "IdleClient",
    "NeedRevalidation",
    "NeedToBeUpdated",
    "Request",
    "Response",
    "StoreAndUse",
]


@contextmanager
def _as_if_not_installed(module: str) -> Iterator[None]:
    if module in sys.modules:  # in use here
        yield
        return
    sys.modules[module] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[module]


with _as_if_not_installed("redis"):
    from hishel import (
        CacheMiss,
        CacheOptions,
        Entry,
        Headers,
        IdleClient,
        NeedRevalidation,
        NeedToBeUpdated,
        Request,
        Response,
        StoreAndUse,
    )
