"""`superimpose queue`: shows waiting and running requests, workers and stage times."""

import sys
from dataclasses import asdict

from cli.json_output import print_json
from cli.serve.up_file import settings_here
from jobs.queries.snapshot import Snapshot, take_snapshot
from jobs.redis.connection import connect

WIDTH = 110
"""Independent of the terminal's width, so that ids are never cut off."""


def show(as_json: bool, once: bool, interval_s: float) -> None:
    """Print the state once, or on a terminal keep updating it until a key is pressed."""
    from rich.console import Console

    redis = connect(settings_here())
    console = Console(highlight=False)
    if as_json:
        print_json(as_object(take_snapshot(redis)))
    elif once or not (console.is_terminal and sys.stdin.isatty()):
        from cli.queue.view import view

        Console(highlight=False, width=WIDTH).print(view(take_snapshot(redis)))
    else:
        from cli.queue.live import watch

        watch(console, lambda: take_snapshot(redis), interval_s)


def as_object(snapshot: Snapshot) -> dict[str, object]:
    return {**asdict(snapshot), "drained_in_s": snapshot.drained_in_s}
