"""A view of the queue that is drawn anew until somebody presses a key."""

import contextlib
import select
import sys
import termios
import tty
from collections.abc import Callable, Iterator

from redis import RedisError
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from cli.queue.view import view
from jobs.queries.snapshot import Snapshot


def watch(console: Console, take: Callable[[], Snapshot], interval_s: float) -> None:
    """Look each `interval_s`; a Redis that is away is waited for. The last look stays on the screen."""
    with (
        _keys_at_once(),
        Live(console=console, auto_refresh=False, vertical_overflow="crop") as live,
        contextlib.suppress(KeyboardInterrupt),
    ):
        seen = take()
        while True:
            live.update(_with_hint(view(seen), "any key ends this"), refresh=True)
            if _is_key_pressed(interval_s):
                live.update(view(seen), refresh=True)
                return
            try:
                seen = take()
            except RedisError:
                live.update(_with_hint(view(seen), "Redis cannot be reached, this is old"), refresh=True)


def _with_hint(shown: RenderableType, text: str) -> RenderableType:
    return Group(shown, Text(text, style="dim"))


def _is_key_pressed(within_s: float) -> bool:
    ready, *_ = select.select([sys.stdin], [], [], within_s)
    return bool(ready) and bool(sys.stdin.read(1) or True)


@contextlib.contextmanager
def _keys_at_once() -> Iterator[None]:
    """Keys come without Enter, and are not shown; Ctrl-C stays what it is."""
    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin)
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
