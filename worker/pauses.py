"""Pauses of a worker's main thread. A signal ends one at once; `time.sleep` would go on after its handler."""

import select
import signal
import socket

_woken, _waking = socket.socketpair()
_woken.setblocking(False)
_waking.setblocking(False)


def end_at_signals() -> None:
    """Let signals that have a handler end a pause; to be called by the main thread."""
    signal.set_wakeup_fd(_waking.fileno(), warn_on_full_buffer=False)


def pause(seconds: float) -> None:
    """Wait for `seconds` or a signal."""
    if select.select([_woken], [], [], seconds)[0]:
        _woken.recv(4096)
