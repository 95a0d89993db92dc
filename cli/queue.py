"""`superimpose queue`: shows waiting and running requests, stage times and workers."""

import contextlib
import select
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from dataclasses import asdict

from redis import RedisError
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from cli.printing import print_json, table
from cli.serve.up_file import settings_here
from cli.timefmt import length
from jobs.lifecycle.status import Status
from jobs.queries.snapshot import RECENT_S, RegisteredWorker, Snapshot, take_snapshot
from jobs.redis.connection import connect

WIDTH = 110
"""Of the state printed once, whatever the terminal, so that ids are never cut off."""
GAP = 3
SILENT_S = 15  # a heartbeat comes every 5
HINT = "press any key to quit"


def show(as_json: bool, once: bool, interval_s: float) -> None:
    redis = connect(settings_here())
    console = Console(highlight=False)
    if as_json:
        snapshot = take_snapshot(redis)
        print_json({**asdict(snapshot), "drained_in_s": snapshot.drained_in_s})
    elif once or not (console.is_terminal and sys.stdin.isatty()):
        Console(highlight=False, width=WIDTH).print(view(take_snapshot(redis)))
    else:
        watch(console, lambda: take_snapshot(redis), interval_s)


def watch(console: Console, take: Callable[[], Snapshot], interval_s: float) -> None:
    """Redraw every `interval_s`, also through an outage of Redis; the last state stays on the screen."""
    with (
        _keys_at_once(),
        Live(console=console, auto_refresh=False, vertical_overflow="crop") as live,
        contextlib.suppress(KeyboardInterrupt),
    ):

        def draw(hint: str = "") -> None:
            shown = view(seen, console.width)
            live.update(Group(shown, Text(hint, style="dim")) if hint else shown, refresh=True)

        seen, hint = take(), HINT
        while True:
            draw(hint)
            if _is_key_pressed(interval_s):
                draw()
                return
            try:
                seen, hint = take(), HINT
            except RedisError:
                hint = "Redis cannot be reached, this is old"


def _is_key_pressed(within_s: float) -> bool:
    ready, *_ = select.select([sys.stdin], [], [], within_s)
    return bool(ready) and bool(sys.stdin.read(1) or True)


@contextlib.contextmanager
def _keys_at_once() -> Iterator[None]:
    """Read keys without Enter and without echo; Ctrl-C still interrupts."""
    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin)
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def view(seen: Snapshot, width: int = WIDTH) -> RenderableType:
    parts: list[RenderableType] = [_current(seen), _recent(seen)]
    if seen.stages:
        parts += ["", _stages(seen)]
    workers = _workers(seen, width) if seen.workers else Text("no workers", style="bold red")
    return Group(*parts, "", workers)


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
    rows = table("stage", ">median", ">mean", ">longest", folded=(), gap=GAP, header_style="dim")
    for name, stage in seen.stages.items():
        times = map(length, (stage.median_s, stage.mean_s, stage.longest_s))
        rows.add_row(name.removesuffix("_time"), *times)
    return rows


def _workers(seen: Snapshot, width: int) -> Table:
    """Long names of workers wrap; on a narrow terminal so do the ids of requests, to leave room for them."""
    columns = ("worker", "state", ">for", "request", ">up for", ">jobs", ">failed")
    if width >= WIDTH:
        rows = table(*columns, folded=("worker",), gap=GAP, header_style="dim")
    else:
        rows = table(*columns, folded=("worker", "request"), gap=GAP - 1, header_style="dim")
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
