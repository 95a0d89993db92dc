"""The four words of a request's life and the machine words of its failures."""

from enum import StrEnum


class Status(StrEnum):
    """Where a request stands. No other word is ever shown to a client."""

    QUEUED = "QUEUED"
    """Accepted; no worker has started on it."""
    PROCESSING = "PROCESSING"
    """A worker has claimed it, for the first time or again."""
    COMPLETED = "COMPLETED"
    """The picture is in the store."""
    FAILED = "FAILED"
    """There will be no picture; `error` and `code` say why."""


TERMINAL = frozenset({Status.COMPLETED, Status.FAILED})  # statuses that nothing overwrites


class FailureCode(StrEnum):
    INVALID_IMAGE = "invalid_image"
    IMAGE_TOO_LARGE = "image_too_large"
    INVALID_PARAMETERS = "invalid_parameters"
    FETCH_FAILED = "fetch_failed"
    CONTENT_BLOCKED = "content_blocked"
    CANCELLED = "cancelled"
    TIMEOUT = "timeout"
    WORKER_LOST = "worker_lost"
    INTERNAL = "internal"


OUR_FAULT = frozenset({FailureCode.TIMEOUT, FailureCode.WORKER_LOST, FailureCode.INTERNAL})
"""Codes for which trying the same request again may help; any other is the caller's."""
