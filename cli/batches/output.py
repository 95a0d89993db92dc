"""Formats batches as tables and JSON."""

from collections.abc import Iterable
from typing import Any

from cli.requests.output import STYLES
from cli.tables import print_table, table
from cli.timefmt import length, minute
from jobs.batches.record import BatchRecord
from jobs.timefmt import rfc3339

COUNTS = ("total", "queued", "processing", "completed", "failed")


def as_object(batch: BatchRecord) -> dict[str, Any]:
    """The `--json` output: no URLs or file names, which would give access to the pictures."""
    times = {"created_at": batch.created_at, "finished_at": batch.finished_at, "expires_at": batch.expires_at}
    return {
        "batch_id": batch.batch_id,
        "status": batch.status,
        "cancelled": batch.cancelled,
        "key_id": batch.key_id,
        "request_counts": {name: getattr(batch, name) for name in COUNTS},
        **{name: None if at is None else rfc3339(at) for name, at in times.items()},
    }


def print_list(batches: Iterable[BatchRecord]) -> None:
    rows = table("id", "created", ">done", ">failed", "status", ">took")
    for batch in batches:
        rows.add_row(
            batch.batch_id,
            minute(batch.created_at),
            f"{batch.completed:,}/{batch.total:,}",
            f"{batch.failed:,}",
            f"[{STYLES[batch.status]}]{batch.status}[/]{' cancelled' if batch.cancelled else ''}",
            length(batch.finished_at - batch.created_at) if batch.finished_at else "",
        )
    print_table(rows)
