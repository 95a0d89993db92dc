"""The error responses of calls about batches."""

from api.errors import ApiError
from jobs.batches.progress import OPEN_FOR_S


def line_too_long(number: int, max_bytes: int) -> ApiError:
    text = f"line {number} is too long, at most {max_bytes:,} bytes are allowed: send URLs of the pictures"
    return ApiError(413, "body_too_large", text)


def too_slow() -> ApiError:
    text = f"the batch was not complete within {OPEN_FOR_S} s; nothing was accepted, send a smaller batch"
    return ApiError(400, "slow_body", text)


def unknown_batch(batch_id: str) -> ApiError:
    return ApiError(404, "not_found", "no such batch: it never existed or has expired", batch_id=batch_id)


def batch_already_finished(batch_id: str) -> ApiError:
    text = "the batch has ended already and was not changed: read its results"
    return ApiError(409, "already_finished", text, batch_id=batch_id)


def no_archive() -> ApiError:
    return ApiError(404, "not_found", "no such archive: its batch never existed or has expired")
