"""hishel's state machine, imported without the client of Redis that it takes along where one is installed.

It is for a storage that we do not use, and the process that decodes strangers' files is to have none.
"""

from telemetry.imports import as_if_not_installed

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


with as_if_not_installed("redis"):
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
