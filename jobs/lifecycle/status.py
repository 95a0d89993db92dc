"""The statuses of a request and the codes of its failures."""

from enum import StrEnum


class Status(StrEnum):
    """The status of a request. Clients never see another word."""

    QUEUED = "QUEUED"
    """Accepted; no worker has claimed it."""
    PROCESSING = "PROCESSING"
    """A worker has claimed it; also while it waits for another attempt."""
    COMPLETED = "COMPLETED"
    """The picture is in the store."""
    FAILED = "FAILED"
    """Ended without a picture; `error` and `code` say why."""


TERMINAL = frozenset({Status.COMPLETED, Status.FAILED})  # nothing overwrites these statuses


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
"""Codes for which the same request may succeed later; the others are the caller's fault."""
