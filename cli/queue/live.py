"""A view of the queue that is redrawn until a key is pressed."""

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
    """Redraw every `interval_s`, also through an outage of Redis; the last state stays on the screen."""
    with (
        _keys_at_once(),
        Live(console=console, auto_refresh=False, vertical_overflow="crop") as live,
        contextlib.suppress(KeyboardInterrupt),
    ):
        seen = take()
        while True:
            live.update(_with_hint(view(seen), "press any key to quit"), refresh=True)
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
    """Read keys without Enter and without echo; Ctrl-C still interrupts."""
    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin)
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
