"""Shows the progress of one request: an updating line on a terminal, else one line per status."""

from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from cli.client.api import JsonObject
from telemetry.stages import STAGES


class LiveLine:
    """Writes to stderr, as stdout is for the result."""

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

    def __enter__(self) -> Self:
        if self.is_live:
            self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.is_live:
            self._progress.stop()

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
        self._progress.update(self._task, description=f"{why}, trying again in {seconds:.0f} s")
        if not self.is_live:
            self._say(f"{why}, trying again in {seconds:.0f} s")
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


def _timings(metrics: dict[str, Any]) -> str:
    total, queued = metrics.get("total_time", 0), metrics.get("queue_time", 0)
    stages = [f"{stage} {1000 * metrics[stage]:.0f} ms" for stage in STAGES if stage in metrics]
    return f"{total:.3f} s: " + ", ".join([f"waited {1000 * queued:.0f} ms", *stages])
