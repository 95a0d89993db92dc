"""Draws queue.svg and batch.svg, beside this file: what a terminal shows of an example.

make docs-pictures
"""

import io
import re
from itertools import count
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console, RenderableType

from cli.queue import view
from cli.run.items import Item
from cli.run.progress import Tally
from jobs.lifecycle.status import Status
from jobs.queries.snapshot import RegisteredWorker, Snapshot, Stage

HERE = Path(__file__).parent
AT = 1_800_000_000.0
WIDTH = 110
NO_FONTS = re.compile(r"@font-face \{\{.*?\}\}", re.DOTALL)
"""They would be fetched from elsewhere; the reader's own fixed-width font does as well."""

IDS = ("5476801e-1a31-4475-8dbb-58e6b9ddfa68", "1f0c7b52-2f5e-4d0f-9a55-3a5c1c1f7c11")


def main() -> None:
    for name, drawn in pictures().items():
        (HERE / name).write_text(drawn)


def pictures() -> dict[str, str]:
    return {
        "queue.svg": svg(view(queue()), "superimpose queue"),
        "batch.svg": svg(batch(), "superimpose run --base-dir shirts ..."),
    }


def svg(shown: RenderableType, title: str) -> str:
    console = Console(
        record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    console.print(shown)
    return console.export_svg(
        title=title, code_format=NO_FONTS.sub("", CONSOLE_SVG_FORMAT), unique_id="terminal"
    )


def queue() -> Snapshot:
    stages = {
        "queue_time": (1.42, 1.38, 2.9),
        "fetch": (0.041, 0.067, 0.512),
        "decode": (0.009, 0.011, 0.044),
        "compose": (0.006, 0.007, 0.021),
        "encode": (0.004, 0.005, 0.031),
        "store": (0.001, 0.002, 0.019),
        "total_time": (1.49, 1.47, 3.1),
    }
    return Snapshot(
        at=AT,
        waiting=118,
        running=2,
        delayed=1,
        oldest_waiting_s=2.4,
        pace_s=0.031,
        ended={Status.COMPLETED: 3642, Status.FAILED: 9},
        stages={name: Stage(*seconds) for name, seconds in stages.items()},
        failures={"fetch_failed": 7, "invalid_image": 2},
        sampled=209,
        workers=[worker(number, request_id) for number, request_id in enumerate(IDS)],
    )


def worker(number: int, request_id: str) -> RegisteredWorker:
    return RegisteredWorker(
        name=f"{number}",
        state="busy",
        host="shop",
        pid=4311 + number,
        since=AT - 7300,
        heard_at=AT,
        done=41_200 + 310 * number,
        failed=88 + number,
        request_id=request_id,
        busy_since=AT - 0.02 * (number + 1),
    )


def batch() -> Tally:
    moments = count(0, 0.004)
    tally = Tally(1200, False, Console(file=io.StringIO(), force_terminal=True), lambda: next(moments))
    for number in range(812):
        shirt = Item(f"shirts/{number}.jpg", {}, Path(f"out/{number}.jpg"), {}, {})
        if number % 400 == 7:
            tally.add_failed(shirt, "not an image file", {})
        else:
            tally.add_made(shirt, {})
    return tally


if __name__ == "__main__":
    main()
