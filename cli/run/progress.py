"""Shows the progress of one picture or many, on stderr, as stdout is for results."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Self

from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from cli.client.api import JsonObject
from cli.printing import print_json
from cli.run.items import Item
from telemetry.stages import STAGES

PLAIN_EVERY_S = 10


class LiveLine:
    """One picture: a line that is updated on a terminal, else a line for each status."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        self.is_live = self._console.is_terminal
        self.cancelled = False
        self._status = ""
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
            console=self._console,
            redirect_stdout=False,
            transient=True,
        )
        self._task = self._progress.add_task("", total=None)

    @contextmanager
    def shown(self) -> Iterator[Self]:
        with self._progress if self.is_live else nullcontext():
            yield self

    def on_status(self, answer: JsonObject) -> None:
        has_changed = answer["status"] != self._status
        self._status = answer["status"]
        self.cancelled = self._status == "CANCELLED"
        is_final = self._status in ("COMPLETED", "CANCELLED")  # FAILED gets an error message instead
        if is_final or (has_changed and not self.is_live and self._status != "FAILED"):
            self._say(describe(answer))
        else:
            self._progress.update(self._task, description=describe(answer))

    def on_pause(self, why: str, seconds: float) -> None:
        text = f"{why}, trying again in {seconds:.0f} s"
        self._progress.update(self._task, description=text)
        if not self.is_live:
            self._say(text)
        self._status = ""

    def _say(self, text: str) -> None:
        self._console.print(text, markup=False, soft_wrap=True)


def describe(answer: JsonObject) -> str:
    status, place = answer["status"], answer.get("queue_position")
    if status == "QUEUED" and place is not None:
        return f"QUEUED, {'next' if place == 0 else f'{place:,} before it'}"
    if status == "COMPLETED":
        return f"COMPLETED in {_timings(answer.get('metrics', {}))}"
    if status == "CANCELLED":
        return f"cancelled while {answer.get('was')}"
    return str(status) if status != "UPLOADING" else "uploading"


def _timings(metrics: JsonObject) -> str:
    total, queued = metrics.get("total_time", 0), metrics.get("queue_time", 0)
    stages = [f"{stage} {1000 * metrics[stage]:.0f} ms" for stage in STAGES if stage in metrics]
    return f"{total:.3f} s: " + ", ".join([f"waited {1000 * queued:.0f} ms", *stages])


class Tally:
    """Counts pictures that were made, kept from an earlier run, or failed.

    Shows the counts as a bar on a terminal, else as a line every ten seconds.
    """

    def __init__(
        self,
        total: int,
        as_json: bool,
        console: Console | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.made = self.kept = 0
        self.failed: dict[Item, str] = {}
        self._total = total
        self._as_json = as_json
        self._console = console or Console(stderr=True, highlight=False)
        self._clock = clock
        self._started_at = self._printed_at = clock()
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[failed]}", style="red"),
            console=self._console,
            get_time=clock,
            redirect_stdout=False,  # it would send `--json` to stderr
            expand=True,
        )
        self._task = self._bar.add_task("pictures", total=total, rate="", failed="")

    @contextmanager
    def shown(self) -> Iterator[None]:
        is_live = self._console.is_terminal and not (self._as_json and sys.stdout.isatty())
        with self._bar if is_live else nullcontext():
            yield

    def add_made(self, item: Item, picture: JsonObject) -> None:
        self.made += 1
        self._report({**item.json_fields, **picture})

    def add_kept(self, item: Item) -> None:
        self.kept += 1
        self._report({"status": "KEPT", **item.json_fields, "output": str(item.out)})

    def add_failed(self, item: Item, error: str, answer: JsonObject) -> None:
        """`answer` is the server's status of the request, empty if there is none."""
        self.failed[item] = error
        self._report({"status": "FAILED", **item.json_fields, "error": error, **answer})

    def on_send(self, count: int) -> None:
        self._bar.update(self._task, description=f"sending {count:,}")

    def on_pause(self, why: str, seconds: float) -> None:
        self._bar.update(self._task, description=f"{why}, again in {seconds:.0f} s")

    @property
    def done(self) -> int:
        return self.made + self.kept + len(self.failed)

    def summary(self) -> str:
        parts = [f"{self.made:,} made", f"{self.kept:,} kept" if self.kept else "", self._failures()]
        if left := self._total - self.done:
            parts.append(f"{left:,} not started or given up")
        return f"{', '.join(filter(None, parts))} in {self._clock() - self._started_at:.1f} s"

    def __rich__(self) -> RenderableType:
        return self._bar.get_renderable()

    def _rate(self) -> str:
        return f"{(self.made + len(self.failed)) / max(0.1, self._clock() - self._started_at):.1f}/s"

    def _failures(self) -> str:
        return f"{len(self.failed):,} failed" if self.failed else ""

    def _report(self, line: JsonObject) -> None:
        if self._as_json:
            print_json(line)
        failed = self._failures()
        self._bar.update(
            self._task, completed=self.done, description="pictures", rate=self._rate(), failed=failed
        )
        if not self._console.is_terminal and self._clock() - self._printed_at > PLAIN_EVERY_S:
            self._printed_at = self._clock()
            so_far = ", ".join(filter(None, (f"{self.done:,} of {self._total:,}", failed, self._rate())))
            self._console.print(so_far, soft_wrap=True)
