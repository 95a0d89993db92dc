"""Names to addresses, by the operating system."""

import socket
from collections.abc import Callable, Sequence

Resolve = Callable[[str, int], Sequence[str]]
"""(host, port) to every address of the name, as text. Raises OSError (or UnicodeError) when there is none."""

LOOKUPS_AT_ONCE = 32
"""Threads that may hang in a dead name server before further look-ups must wait for one of them."""


def system_resolve(host: str, port: int) -> list[str]:
    """Every address the operating system knows for `host`, in its order of preference (RFC 6724)."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))
