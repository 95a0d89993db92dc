"""Resolves names by the operating system."""

import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future

Resolve = Callable[[str, int], Sequence[str]]
"""(host, port) to all addresses of the name, as text. Raises OSError or UnicodeError if there is none."""

LOOKUPS_AT_ONCE = 32
"""Concurrent look-ups; further ones wait, as each may hang in a thread until the name server times out."""


def system_resolve(host: str, port: int) -> list[str]:
    """All addresses of `host`, in the system's order of preference (RFC 6724)."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


def resolve_in_thread(resolve: Resolve, host: str, port: int) -> "Future[Sequence[str]]":
    """Resolve in a daemon thread, so that a look-up that hangs delays neither its caller nor the exit.

    Raises RuntimeError if no thread can be started.
    """
    found: Future[Sequence[str]] = Future()
    found.set_running_or_notify_cancel()  # from now on it cannot be cancelled, only left

    def look_up() -> None:
        try:
            found.set_result(resolve(host, port))
        except Exception as error:  # raised where the result is awaited
            found.set_exception(error)

    threading.Thread(target=look_up, name=f"look-up of {host}", daemon=True).start()
    return found
