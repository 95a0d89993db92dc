"""Shows the progress of many pictures: a bar on a terminal, else a line every ten seconds."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cli.client.api import JsonObject
from cli.json_output import print_json
from cli.run.items import Item

PLAIN_EVERY_S = 10


class Tally:
    """Counts pictures that were made, kept from an earlier run, or failed; shows the counts on stderr."""

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
    def shown(self) -> Iterator["Tally"]:
        if not self._console.is_terminal or (self._as_json and sys.stdout.isatty()):
            yield self
            return
        with self._bar:
            yield self

    def add_made(self, item: Item, picture: JsonObject) -> None:
        self.made += 1
        self._report({**item.json_fields, **picture})

    def add_kept(self, item: Item) -> None:
        """An earlier run made this picture from the same inputs."""
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
        parts = [f"{self.made:,} made", f"{self.kept:,} kept" if self.kept else ""]
        parts.append(f"{len(self.failed):,} failed" if self.failed else "")
        if left := self._total - self.done:
            parts.append(f"{left:,} not started or given up")
        return f"{', '.join(filter(None, parts))} in {self._clock() - self._started_at:.1f} s"

    def __rich__(self) -> RenderableType:
        return self._bar.get_renderable()

    def _rate(self) -> str:
        return f"{(self.made + len(self.failed)) / max(0.1, self._clock() - self._started_at):.1f}/s"

    def _report(self, line: JsonObject) -> None:
        if self._as_json:
            print_json(line)
        failed = f"{len(self.failed):,} failed" if self.failed else ""
        self._bar.update(
            self._task, completed=self.done, description="pictures", rate=self._rate(), failed=failed
        )
        if not self._console.is_terminal and self._clock() - self._printed_at > PLAIN_EVERY_S:
            self._printed_at = self._clock()
            so_far = ", ".join(filter(None, (f"{self.done:,} of {self._total:,}", failed, self._rate())))
            self._console.print(so_far, soft_wrap=True)
