"""Renders a snapshot of the queue as tables."""

from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cli.tables import table
from cli.timefmt import length
from jobs.lifecycle.status import Status
from jobs.queries.snapshot import RECENT_S, RegisteredWorker, Snapshot

TABLE_STYLE: Any = {"gap": 3, "header_style": "dim", "fold_last": False}
SILENT_S = 15  # a heartbeat comes every 5


def view(seen: Snapshot) -> RenderableType:
    parts: list[RenderableType] = [_current(seen), _recent(seen)]
    if seen.stages:
        parts += ["", _stages(seen)]
    return Group(*parts, "", _workers(seen) if seen.workers else Text("no workers", style="bold red"))


def _current(seen: Snapshot) -> Text:
    line = Text.assemble((f"{seen.waiting:,}", "bold yellow"), " waiting")
    if seen.waiting:
        drained_s = seen.drained_in_s
        line.append(f" (the first for {length(seen.oldest_waiting_s)}, ")
        line.append("no estimate)" if drained_s is None else f"all done in {length(drained_s)})")
    line.append(", ").append(f"{seen.running:,}", "bold cyan").append(" running")
    return line.append(f", {seen.delayed:,} to be retried" if seen.delayed else "")


def _recent(seen: Snapshot) -> Text:
    done, failed = seen.ended[Status.COMPLETED], seen.ended[Status.FAILED]
    line = Text.assemble((f"{done:,}", "bold green"), " COMPLETED, ", (f"{failed:,}", "bold red"), " FAILED")
    if seen.failures:
        by_count = sorted(seen.failures.items(), key=lambda each: -each[1])
        sampled = sum(seen.failures.values())
        sample = f"of the newest {sampled:,}: " if sampled < failed else ""
        line.append(f" ({sample}{', '.join(f'{code} {count:,}' for code, count in by_count)})", "red")
    return line.append(f" in the last {RECENT_S} s, {(done + failed) / RECENT_S:.1f}/s")


def _stages(seen: Snapshot) -> Table:
    rows = table("stage", ">median", ">mean", ">longest", **TABLE_STYLE)
    for name, stage in seen.stages.items():
        times = map(length, (stage.median_s, stage.mean_s, stage.longest_s))
        rows.add_row(name.removesuffix("_time"), *times)
    return rows


def _workers(seen: Snapshot) -> Table:
    rows = table("worker", "state", ">for", "request", ">up for", ">jobs", ">failed", **TABLE_STYLE)
    for worker in seen.workers:
        since = worker.busy_since if worker.request_id else None
        rows.add_row(
            f"{worker.host}:{worker.pid}",
            _state(worker, seen.at),
            length(seen.at - since) if since else "",
            worker.request_id or "",
            length(seen.at - worker.since) if worker.since else "-",
            f"{worker.done + worker.failed:,}",
            f"{worker.failed:,}",
        )
    return rows


def _state(worker: RegisteredWorker, at: float) -> Text:
    silent_s = at - worker.heard_at if worker.heard_at else 0
    if silent_s > SILENT_S and not worker.request_id:
        return Text(f"silent for {length(silent_s)}", style="red")
    return Text(worker.state, style="cyan" if worker.state == "busy" else "green")
